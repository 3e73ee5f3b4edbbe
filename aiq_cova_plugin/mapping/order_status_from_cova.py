"""What COVA's status of an order means for the push and for the shop (section 9.3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from aiq_cova_plugin.domain.values import OrderStatus
from aiq_cova_plugin.schemas import records


class Phase(StrEnum):
    """Where an order stands in COVA. `UNKNOWN`: it is there, in a state we have no word for."""

    ACCEPTED = "accepted"
    PROCESSING = "processing"
    TRANSIENT_FAILURE = "transient_failure"
    REFUSED = "refused"
    IN_POS = "in_pos"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class StatusReading:
    """`host_status` is None when COVA says nothing the shop should be told.

    `message` is COVA's own reason, empty when it gave none. `unknown_values` are COVA's
    texts that are in none of its documents: raise an alert, change nothing because of them.
    `raw_status` is what COVA said in its own words, the fulfilment behind the status
    (`ReadyForPayment, InProgress`), cut to 100 characters.
    """

    phase: Phase
    host_status: OrderStatus | None
    message: str
    sale_total: Decimal | None
    unknown_values: tuple[str, ...] = ()
    raw_status: str = ""


_PHASES = {
    "submittedforprocessing": Phase.ACCEPTED,
    "submittedforfinalprocessing": Phase.PROCESSING,
    "transientprocessingfailure": Phase.TRANSIENT_FAILURE,
    "nontransientprocessingfailure": Phase.REFUSED,
    "readyforpayment": Phase.IN_POS,
    # Numbers 5 and 6 are left from v1: somebody has paid, or is paying, at the register.
    "paymentsubmittedforprocessing": Phase.IN_POS,
    "paymentapplied": Phase.IN_POS,
    "cancelled": Phase.CANCELLED,
    "completed": Phase.COMPLETED,
}

_FULFILMENT = {
    "orderplaced": OrderStatus.CONFIRMED,
    "inprogress": OrderStatus.IN_PROGRESS,
    "readyforpickup": OrderStatus.READY_FOR_PICKUP,
}


_HOST_WORDS = frozenset(each.value for each in OrderStatus)


def reading_from_cova(
    status: records.SalesOrderStatus,
    *,
    is_delivery: bool | None = None,
    store_words: Mapping[str, str] | None = None,
) -> StatusReading:
    """Read one status. A value COVA's document does not know is reported, never guessed.

    `store_words` is the store's own choice: COVA's word → host status, empty for "tell the
    shop nothing"; it wins over the rules here, except over a sale's end. COVA's word is the
    order status and the fulfilment (`ReadyForPayment, InProgress`), the fulfilment alone, for
    delivery orders only with ` (delivery)` behind it, or an order status we do not know.

    `is_delivery` is what the shop knows of the order; None believes COVA's own
    `OrderFulfillmentMethod`. A *delivery* order that is `ReadyForPickup` is packed and waits
    for the driver. It stays `in_progress`: `ready_for_pickup` would call the shopper to the
    store, and that it is out for delivery is something COVA never says.
    """
    phase = _PHASES.get(_key(status.order_status), Phase.UNKNOWN)
    unknown = [status.order_status] if phase is Phase.UNKNOWN else []
    host_status: OrderStatus | None = None
    if phase is Phase.COMPLETED:
        host_status = OrderStatus.COMPLETED
    elif phase is Phase.CANCELLED:
        host_status = OrderStatus.CANCELLED
    elif phase in (Phase.IN_POS, Phase.UNKNOWN):
        delivers = _key(status.fulfillment_method) == "delivery"
        if is_delivery is not None:
            delivers = is_delivery
        if phase is Phase.IN_POS:
            host_status, unknown = _by_fulfilment(status.fulfillment_status, delivers=delivers)
        chosen = _chosen_by_store(status, store_words or {}, delivers=delivers)
        if chosen is not None:
            host_status = OrderStatus(chosen) if chosen else None
            unknown = []
    return StatusReading(
        phase=phase,
        host_status=host_status,
        message=status.order_message.strip() or status.payment_message.strip(),
        sale_total=status.sale_total,
        unknown_values=tuple(unknown),
        raw_status=_raw_status(status),
    )


def _raw_status(status: records.SalesOrderStatus) -> str:
    said = (status.order_status.strip(), status.fulfillment_status.strip())
    return ", ".join(each for each in said if each)[:100]


def default_host_status(fulfilment: str, *, delivers: bool) -> OrderStatus | None:
    """What a fulfilment status means without a store's choice; None for an unknown one."""
    found = _FULFILMENT.get(_key(fulfilment))
    if delivers and found is OrderStatus.READY_FOR_PICKUP:
        return OrderStatus.IN_PROGRESS
    return found


def _by_fulfilment(fulfilment: str, *, delivers: bool) -> tuple[OrderStatus | None, list[str]]:
    """The host's status, and the fulfilment itself where it is an unknown one."""
    found = default_host_status(fulfilment, delivers=delivers)
    return found, [fulfilment] if found is None and fulfilment.strip() else []


def _chosen_by_store(
    status: records.SalesOrderStatus, store_words: Mapping[str, str], *, delivers: bool
) -> str | None:
    """The store's word, the most exact one it has; None when it has chosen none that is one."""
    words = {
        _key(name): word
        for name, word in store_words.items()
        if word == "" or str(word) in _HOST_WORDS
    }
    fulfilment = status.fulfillment_status.strip()
    names = [f"{status.order_status}, {fulfilment}", fulfilment] if fulfilment else []
    if delivers:
        names = [f"{name} (delivery)" for name in names] + names
    if _key(status.order_status) not in _PHASES:
        names.append(status.order_status)
    return next((words[_key(name)] for name in names if _key(name) in words), None)


def _key(text: str) -> str:
    return "".join(text.split()).casefold()
