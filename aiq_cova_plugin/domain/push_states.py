"""The life of an order push: its states and the only moves between them.

A pure table (contract section 5). `SENDING` is left before the outcome of a submission is
known only through `CHECKING`, which asks COVA about our order id before anything is sent
again.
"""

from __future__ import annotations

from enum import StrEnum

from aiq_cova_plugin.errors import IllegalMove


class PushState(StrEnum):
    """Where an order push stands."""

    QUEUED = "queued"
    SENDING = "sending"
    CHECKING = "checking"
    IN_POS = "in_pos"
    NEEDS_ATTENTION = "needs_attention"
    WITHDRAWN = "withdrawn"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


_S = PushState
LEGAL_MOVES: dict[PushState, frozenset[PushState]] = {
    # To `completed` straight away only by hand: somebody entered the order at the register.
    _S.QUEUED: frozenset({_S.SENDING, _S.CHECKING, _S.NEEDS_ATTENTION, _S.WITHDRAWN, _S.COMPLETED}),
    _S.SENDING: frozenset(
        {
            _S.QUEUED,
            _S.CHECKING,
            _S.IN_POS,
            _S.NEEDS_ATTENTION,
            _S.WITHDRAWN,
            _S.COMPLETED,
        }
    ),
    _S.CHECKING: frozenset(
        {
            _S.QUEUED,
            _S.SENDING,
            _S.IN_POS,
            _S.NEEDS_ATTENTION,
            _S.WITHDRAWN,
            _S.COMPLETED,
            _S.CANCELLED,
        }
    ),
    _S.IN_POS: frozenset({_S.COMPLETED, _S.CANCELLED, _S.WITHDRAWN, _S.NEEDS_ATTENTION}),
    _S.NEEDS_ATTENTION: frozenset(
        {
            _S.QUEUED,
            _S.CHECKING,
            _S.IN_POS,
            _S.WITHDRAWN,
            _S.COMPLETED,
            _S.CANCELLED,
        }
    ),
    _S.WITHDRAWN: frozenset(),
    _S.COMPLETED: frozenset(),
    _S.CANCELLED: frozenset(),
}
"""State → the states it may become. The last three are final."""

FINAL_STATES = frozenset(state for state, moves in LEGAL_MOVES.items() if not moves)
WAITING_STATES = frozenset({_S.QUEUED, _S.SENDING, _S.CHECKING})
"""States a worker picks up."""


def require_move(current: PushState, target: PushState) -> None:
    """Raise `IllegalMove` unless a push in `current` may become `target`."""
    if target not in LEGAL_MOVES[current]:
        raise IllegalMove(
            f"An order that is {current.value.replace('_', ' ')} cannot become "
            f"{target.value.replace('_', ' ')}.",
            fix="Reload the order's page: its state has changed meanwhile.",
        )


UNKNOWN_WORD = "unknown_status"
"""The step of the timeline whose detail is a status of COVA's that nobody knows."""
