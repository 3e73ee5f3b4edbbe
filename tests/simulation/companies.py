"""The retailers of a world, and COVA's one address, which knows whose call is whose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

from aiq_cova_plugin.simulator.account import Account
from aiq_cova_plugin.simulator.app import create_app
from aiq_cova_plugin.simulator.world import World as CovaWorld
from aiq_cova_plugin.simulator.world import attach

from tests.simulation.wire import WireAnswer, WireCall, call_wsgi

_APART = 1_000_000


def _another(account: Account) -> Account:
    """A second company: ids of its own, but the same products and customers by GUID.

    What belongs to which store must therefore never be decided by a GUID alone.
    """
    return replace(
        account,
        company_id=account.company_id + _APART,
        company_name="Lakeside Example",
        username="Example.COVA.APIUser.Lakeside",
        locations=tuple(replace(each, id=each.id + _APART) for each in account.locations),
        rooms=tuple(
            replace(each, id=each.id + _APART, location_id=each.location_id + _APART)
            for each in account.rooms
        ),
    )


HARBOUR = Account()
LAKESIDE = _another(HARBOUR)
COMPANIES = (HARBOUR, LAKESIDE)

STORES: tuple[tuple[str, int, int], ...] = (
    # The shop's store, which company, which of its locations.
    ("s1", 0, 0),
    ("s2", 0, 1),
    ("s3", 1, 0),
)
"""Two stores of one company share its customers, its log-in and its budget; the third is alone."""


class Front:
    """COVA for all companies at once. A log-in is known by its username, a call by its token."""

    def __init__(self, worlds: Sequence[CovaWorld]) -> None:
        self._apps = {each.account.company_id: create_app(each) for each in worlds}
        self._by_username = {each.account.username: each.account.company_id for each in worlds}
        self._by_token: dict[str, int] = {}
        self.operations = worlds[0].faults.operations

    def attach(self, worlds: Sequence[CovaWorld]) -> None:
        """Let these answer from now on."""
        for each in worlds:
            each.faults.operations = self.operations
            attach(self._apps[each.account.company_id], each)

    def company_of(self, path: str, body: bytes, headers: dict[str, Any]) -> int:
        """The company id of a call."""
        if path.lower().rstrip("/").endswith("/oauth2/token"):
            username = parse_qs(body.decode())["username"][0].partition("+")[0]
            return self._by_username[username]
        return self._by_token[_token_of(headers)]

    def answer(self, call: WireCall, headers: dict[str, Any]) -> WireAnswer:
        answer = call_wsgi(self._apps[call.company].wsgi_app, call, headers)
        if call.is_log_in and b'"access_token"' in answer[2]:
            token = answer[2].split(b'"access_token"')[1].split(b'"')[1].decode()
            self._by_token[token] = call.company
        return answer


def _token_of(headers: dict[str, Any]) -> str:
    told = headers.get("Authorization", "")
    text = told.decode("latin-1") if isinstance(told, bytes) else str(told)
    return text.removeprefix("Bearer ")
