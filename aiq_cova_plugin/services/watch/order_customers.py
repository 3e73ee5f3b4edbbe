"""Who an order is for: the shop's own customer beside COVA's possible ones. Reads only.

All of it is personal data, for the eyes of whoever may handle orders; nothing of it is stored.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from aiq_cova_plugin.errors import CovaPluginError
from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.store.models import Push


@dataclass(frozen=True)
class Shopper:
    """The order's customer as the shop has it; each empty when unknown. `phone` as typed."""

    name: str = field(default="", repr=False)
    phone: str = field(default="", repr=False)
    email: str = field(default="", repr=False)
    date_of_birth: str = field(default="", repr=False)
    town: str = field(default="", repr=False)


@dataclass(frozen=True)
class PossibleCustomer:
    """One of several COVA customers an order may be for; `same` names the fields that are as
    the order has them."""

    id: str
    name: str = field(repr=False)
    email: str = field(repr=False)
    date_of_birth: str = field(repr=False)
    same: frozenset[str] = frozenset()


def shopper_of(ctx: ServiceContext, push: Push) -> Shopper | None:
    """The order's own customer; None when the shop no longer has the order."""
    try:
        order = ctx.host.get_order(push.store_id, push.order_id)
    except Exception:  # noqa: BLE001 - it only helps to choose; sending says what is wrong with it
        return None
    finally:
        ctx.database.end_reading()
    who, born = order.customer, order.customer.date_of_birth
    return Shopper(
        name=" ".join(part for part in (who.first_name, who.last_name) if part),
        phone=(who.phone or "").strip(),
        email=(who.email or "").strip(),
        date_of_birth=born.isoformat() if born is not None else "",
        town=order.delivery.address.city if order.delivery is not None else "",
    )


def possible_customers(
    ctx: ServiceContext, push: Push, shopper: Shopper | None = None
) -> list[PossibleCustomer]:
    """Who the order may be for; empty when that is not known, or cannot be decrypted any more."""
    if push.candidates_encrypted is None:
        return []
    try:
        told = json.loads(ctx.vault.decrypt(push.candidates_encrypted))
    except CovaPluginError:
        return []
    return [_possible({name: str(value) for name, value in each.items()}, shopper) for each in told]


def _possible(told: dict[str, str], shopper: Shopper | None) -> PossibleCustomer:
    name, email = told.get("name", ""), told.get("email", "")
    born = told.get("date_of_birth", "")
    same = _same(shopper, name, email, born)
    return PossibleCustomer(told.get("id", ""), name, email, born, same)


def _same(shopper: Shopper | None, name: str, emails: str, born: str) -> frozenset[str]:
    if shopper is None:
        return frozenset()
    agrees = {
        "name": _plain(shopper.name) == _plain(name),
        "email": _plain(shopper.email) in [_plain(each) for each in emails.split(",")],
        "date_of_birth": shopper.date_of_birth == born,
    }
    return frozenset(each for each, is_so in agrees.items() if is_so and getattr(shopper, each))


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
