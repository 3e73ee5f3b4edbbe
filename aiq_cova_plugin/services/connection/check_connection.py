"""Tries a set of COVA credentials, step by step, and says which field is at fault."""

from __future__ import annotations

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
    """Log in, find the location, read a product; stops at the first step that fails.

    Nothing is stored, not even the token. Never raises for what COVA answers: the failed
    step says it.
    """
    steps: list[CheckStep] = []
    with ctx.open_client(credentials, is_trial=True) as client:
        for check in (_log_in, _find_location, _read_products):
            steps.append(check(client, credentials))
            if not steps[-1].ok:
                break
    return steps


def _log_in(client: CovaClient, _credentials: CovaCredentials) -> CheckStep:
    try:
        client.log_in()
    except CovaPluginError as exc:
        return CheckStep("log_in", False, exc.message, exc.fix, exc.field)
    return CheckStep("log_in", True, "COVA accepts the log-in.")


def _find_location(client: CovaClient, credentials: CovaCredentials) -> CheckStep:
    """Before any product: COVA answers a wrong location with a fault of its own (section 5)."""
    try:
        locations = client.locations()
    except CovaPluginError:
        # Not every API user may read the company tree, and nothing else needs it.
        return CheckStep("location", True, "The list of locations could not be read.")
    if not locations or any(each.id == credentials.location_id for each in locations):
        return CheckStep("location", True, "The location belongs to the company.")
    known = ", ".join(f"{each.id} ({each.name})" for each in locations[:10])
    return CheckStep(
        "location",
        False,
        f"The company has no location {credentials.location_id}.",
        f"Its locations are: {known}.",
        "location_id",
    )


def _read_products(client: CovaClient, credentials: CovaCredentials) -> CheckStep:
    try:
        client.product_page(skip=0, top=1)
    except (NotPermitted, Rejected) as exc:
        # The log-in was right, so COVA most likely minds the company it was asked about.
        return CheckStep(
            "products",
            False,
            f"COVA does not let this API user read the products of company "
            f"{credentials.company_id}: {exc.message}",
            "Compare the Company ID with COVA's onboarding package. If it is right, ask COVA's "
            "API support to give the API user this permission.",
            "company_id",
        )
    except CovaPluginError as exc:
        fix = exc.fix or "Compare Company ID and Location ID with COVA's onboarding package."
        return CheckStep("products", False, exc.message, fix, exc.field)
    return CheckStep("products", True, "The company's products can be read.")
