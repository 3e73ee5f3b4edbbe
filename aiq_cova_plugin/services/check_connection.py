"""Tries a set of COVA credentials, step by step, and says which field is at fault."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from aiq_cova_plugin.cova.client import CovaClient
from aiq_cova_plugin.cova.credentials import CovaCredentials
from aiq_cova_plugin.errors import CovaPluginError, NotPermitted, Rejected
from aiq_cova_plugin.services.context import ServiceContext


@dataclass(frozen=True)
class CheckStep:
    """One thing that was tried; `field` is the settings field to look at when it failed."""

    name: str
    ok: bool
    message: str
    fix: str = ""
    field: str | None = None


def try_connection(ctx: ServiceContext, credentials: CovaCredentials) -> list[CheckStep]:
    """Log in, read a product, find the location; stops at the first step that fails.

    Nothing is stored, not even the token. Never raises for what COVA answers: the failed
    step says it.
    """
    with ctx.open_client(credentials, is_trial=True) as client:
        steps: list[CheckStep] = []
        for name, done, field, attempt in (
            ("log_in", "COVA accepts the log-in.", "password", _log_in),
            ("products", "The company's products can be read.", "company_id", _read_products),
            ("location", "The location belongs to the company.", "location_id", _find_location),
        ):
            step = _try(name, done, field, lambda attempt=attempt: attempt(client, credentials))  # type: ignore[misc]  # binds the loop's value
            steps.append(step)
            if not step.ok:
                break
    return steps


def _try(name: str, done: str, field: str, attempt: Callable[[], CheckStep | None]) -> CheckStep:
    try:
        return attempt() or CheckStep(name, ok=True, message=done)
    except NotPermitted as exc:
        fix = exc.fix or (
            "Ask COVA's API support to give the API user this permission, and check that the "
            "Company ID is the one in the onboarding package."
        )
        return CheckStep(name, False, exc.message, fix, exc.field or field)
    except Rejected as exc:
        fix = exc.fix or "Compare this field with COVA's onboarding package."
        return CheckStep(name, False, exc.message, fix, exc.field or field)
    except CovaPluginError as exc:
        return CheckStep(name, False, exc.message, exc.fix, exc.field)


def _log_in(client: CovaClient, _credentials: CovaCredentials) -> None:
    client.log_in()


def _read_products(client: CovaClient, _credentials: CovaCredentials) -> None:
    client.product_page(skip=0, top=1)


def _find_location(client: CovaClient, credentials: CovaCredentials) -> CheckStep | None:
    try:
        locations = client.locations()
    except CovaPluginError:
        # Not every API user may read the company tree, and nothing else needs it.
        return CheckStep("location", True, "The list of locations could not be read.")
    if not locations or any(each.id == credentials.location_id for each in locations):
        return None
    known = ", ".join(f"{each.id} ({each.name})" for each in locations[:10])
    return CheckStep(
        "location",
        False,
        f"The company has no location {credentials.location_id}.",
        f"Its locations are: {known}.",
        "location_id",
    )
