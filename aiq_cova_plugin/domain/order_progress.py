"""In which direction an order's status may move: forward only, and never out of an end."""

from __future__ import annotations

from aiq_cova_plugin.domain.values import OrderStatus

_STEP = {
    OrderStatus.CONFIRMED: 0,
    OrderStatus.IN_PROGRESS: 1,
    OrderStatus.READY_FOR_PICKUP: 2,
    OrderStatus.OUT_FOR_DELIVERY: 3,
    OrderStatus.COMPLETED: 4,
    OrderStatus.CANCELLED: 4,
}
"""Status → how far along it is. The last two are ends and on the same step."""

_ENDS = frozenset({OrderStatus.COMPLETED, OrderStatus.CANCELLED})


def is_forward(old: OrderStatus | None, new: OrderStatus) -> bool:
    """Does `new` bring the order further than `old`? None: nothing has been told yet.

    The same status again is no move. A completed or cancelled order stays what it is.
    """
    if old is None:
        return True
    if old in _ENDS:
        return False
    return _STEP[new] > _STEP[old]
