"""The warnings of an order: one a line, each with a condition of its own that ends it.

Whoever adds one leaves the others as they are, and whoever ends one takes out that alone.
"""

from __future__ import annotations

import re

LATE = "The order has been waiting for COVA for more than 15 minutes."
"""The warning of an order that is on its way for long; gone once COVA has it."""

NO_LONGER_KNOWN = "COVA no longer knows this order."
"""The warning of an order COVA had and does not find; gone once COVA knows it again."""

_UNKNOWN_SAID = re.compile(
    r"COVA says “[^”]*”, which nobody here knows\.( Say what it means [^.]*\.)?"
)
_ADDRESS = re.compile(
    r"The delivery address could not be put on the customer in COVA \([^\n]*?\)\. "
    r"Tell the driver the address from the shop's order\."
)
ANOTHER_STORES = ""
"""What an order of another store of the company is called: staff read nothing more of it."""

_OTHER_DELIVERY = re.compile(
    r"(?:Order (?P<order>[^\n]*?) of the same customer|An order of the same customer at another "
    r"store) is delivered to another address, and COVA keeps addresses on the customer alone\. "
    r"Tell this order's driver the address from the shop's order\."
)
_MOVED = re.compile(
    r"(?:Order [^\n]*? of the same customer|An order of the same customer at another store) has "
    r"put its own delivery address on the customer in COVA\. Tell this order's driver the address "
    r"from the shop's order\."
)
_WITHDRAWN_HERE = re.compile(
    r"Withdrawal from COVA asked for by [^\n]*?: the shop's own order stays [^\n]*?, with nothing "
    r"held for it\. Cancel it in the shop too\."
)
_SURPRISES = re.compile(
    rf"{re.escape(NO_LONGER_KNOWN)}|COVA says [^\n]*? of an order it had taken\."
)


def unknown_words_said(words: tuple[str, ...]) -> str:
    """The warning that COVA uses words nobody knows; gone once it goes on to a known one."""
    return (
        f"COVA says “{', '.join(words)}”, which nobody here knows. "
        "Say what it means under Order settings."
    )


def taken_no_longer(raw_status: str) -> str:
    """The warning that COVA says something odd of an order in the register."""
    return f"COVA says {' '.join(raw_status.split())} of an order it had taken."


def address_missing(reason: str) -> str:
    """The warning that COVA does not have the delivery address; gone once it has it."""
    return (
        "The delivery address could not be put on the customer in COVA "
        f"({' '.join(reason.split()).rstrip('.')}). "
        "Tell the driver the address from the shop's order."
    )


def other_delivery(order: str) -> str:
    """The warning that another delivery of the customer goes elsewhere; gone once that ended."""
    return (
        f"{_named(order)} is delivered to another address, and COVA keeps "
        "addresses on the customer alone. Tell this order's driver the address from the shop's "
        "order."
    )


def address_moved(order: str) -> str:
    """The warning that another order's address is in COVA instead; it stays until this order
    ends, or brings its own address again."""
    return (
        f"{_named(order)} has put its own delivery address on the customer "
        "in COVA. Tell this order's driver the address from the shop's order."
    )


def is_wrong_address(warnings: str) -> bool:
    """May the driver have been given another address than the shop's order has?"""
    return any(each.search(warnings) for each in (_ADDRESS, _OTHER_DELIVERY, _MOVED))


def withdrawn_here(by: str, host_status: str | None) -> str:
    """The warning that a person took the order back from COVA, not the shop; gone once the shop
    cancels it too, or the register sells it all the same."""
    stays = (host_status or "confirmed").replace("_", " ")
    return (
        f"Withdrawal from COVA asked for by {by}: the shop's own order stays {stays}, with nothing "
        "held for it. Cancel it in the shop too."
    )


def is_withdrawn_here(warnings: str) -> bool:
    """Did a person take it back from COVA, while the shop's own order goes on?"""
    return _WITHDRAWN_HERE.search(warnings) is not None


def without_withdrawn_here(warnings: str) -> str:
    return _tidy(_WITHDRAWN_HERE.sub("", warnings))


def _named(order: str) -> str:
    if order == ANOTHER_STORES:
        return "An order of the same customer at another store"
    return f"Order {order} of the same customer"


def other_deliveries_said(warnings: str) -> list[str]:
    """The orders that `other_delivery` warns of."""
    return [found["order"] or ANOTHER_STORES for found in _OTHER_DELIVERY.finditer(warnings)]


def without_other_deliveries(warnings: str) -> str:
    """Without `other_delivery` and `address_moved`, whichever order they name."""
    return _tidy(_MOVED.sub("", _OTHER_DELIVERY.sub("", warnings)))


def with_warning(warnings: str, warning: str) -> str:
    """The warnings and this one more; the same when it is among them."""
    one_line = " ".join(warning.split())
    if one_line in warnings:
        return warnings
    return f"{warnings}\n{one_line}".strip()


def without_warning(warnings: str, warning: str) -> str:
    return _tidy(warnings.replace(" ".join(warning.split()), "")) if warning else warnings


def without_unknown_words(warnings: str) -> str:
    return _tidy(_UNKNOWN_SAID.sub("", warnings))


def without_address(warnings: str) -> str:
    return _tidy(_ADDRESS.sub("", warnings))


def without_surprises(warnings: str) -> str:
    """Without what was said while COVA did not know the order, or called it not taken."""
    return _tidy(_SURPRISES.sub("", warnings))


def _tidy(warnings: str) -> str:
    lines = (" ".join(line.split()) for line in warnings.splitlines())
    return "\n".join(line for line in lines if line)
