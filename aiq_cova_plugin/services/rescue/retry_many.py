"""Orders that need a person, grouped by what is wrong; and sending a whole group again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from aiq_cova_plugin.errors import CovaPluginError
from aiq_cova_plugin.services import audit
from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.services.rescue.rescue_orders import retry_push
from aiq_cova_plugin.services.stores import require_store
from aiq_cova_plugin.store import outbox, push_questions
from aiq_cova_plugin.store.push_questions import Trouble

_TOLD_APART_BY_REASON = frozenset({"", "Rejected", "NeedsOperator", "ContractBroken"})
"""Kinds that say little by themselves: such orders are grouped by the reason as well."""


@dataclass(frozen=True)
class Cause:
    """One thing that is wrong with one or more orders.

    `key` names the cause towards `retry_cause`; `kind` is the error's, `reason` and `fix` are
    those of the first order, without its number when there are several. `orders` is dict:
    order id → number of the first few.
    """

    key: str
    kind: str
    reason: str
    fix: str
    number_of_orders: int
    orders: dict[str, str]


def causes_of(ctx: ServiceContext, store_id: str) -> list[Cause]:
    """What the store's orders that need a person wait for, the most frequent first."""
    with ctx.database.short() as connection:
        troubles = push_questions.troubles(connection, store_id)
    groups: dict[str, list[Trouble]] = {}
    for trouble in troubles:
        groups.setdefault(_key_of(trouble), []).append(trouble)
    causes = [_cause(key, members) for key, members in groups.items()]
    return sorted(causes, key=lambda cause: -cause.number_of_orders)


def retry_cause(
    ctx: ServiceContext, store_id: str, cause: str | None, *, by: str
) -> tuple[int, int]:
    """Send every order of the store that waits for a person because of this again: how many
    that were, and how many could not be (a worker has them).

    `cause` is a `Cause.key` or a kind; None means all of them. Raises `UnknownStore`.
    """
    require_store(ctx, store_id)
    with ctx.database.short() as connection:
        wanted = [
            each
            for each in push_questions.troubles(connection, store_id)
            if cause in (None, each.kind, _key_of(each))
        ]
    retried = 0
    for trouble in wanted:
        with ctx.database.short() as connection:
            push = outbox.push_of_order(connection, store_id, trouble.order_id)
            if push is None or push.state != "needs_attention":
                continue
            try:
                retry_push(ctx, connection, push, by=by)
            except CovaPluginError:
                continue
        retried += 1
    if wanted:
        audit.note(ctx, store_id, "orders_retried", cause or "all", by=by, number_of_orders=retried)
    return retried, len(wanted) - retried


def _key_of(trouble: Trouble) -> str:
    if trouble.kind not in _TOLD_APART_BY_REASON:
        return trouble.kind
    digest = hashlib.sha256(_without_number(trouble).encode()).hexdigest()[:10]
    return f"{trouble.kind}-{digest}"


def _without_number(trouble: Trouble) -> str:
    """The reason without the order's own number, so that equal troubles look equal."""
    number = trouble.order_number
    return trouble.reason.replace(f"order {number}", "the order") if number else trouble.reason


def _cause(key: str, members: list[Trouble]) -> Cause:
    first = members[0]
    reasons = {_without_number(each) for each in members}
    return Cause(
        key=key,
        kind=first.kind,
        reason=_sentence(reasons) if len(members) > 1 else first.reason,
        fix=first.fix,
        number_of_orders=len(members),
        orders={each.order_id: each.order_number or each.order_id for each in members[:5]},
    )


def _sentence(reasons: Iterable[str]) -> str:
    """The reason all share; empty when each has its own, which the list of orders shows."""
    found = sorted(set(reasons))
    return found[0][:1].upper() + found[0][1:] if len(found) == 1 else ""
