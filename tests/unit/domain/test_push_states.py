"""The only moves between the states of a push, and what is said of any other."""

from __future__ import annotations

import itertools

import pytest

from aiq_cova_plugin.domain.push_states import (
    FINAL_STATES,
    LEGAL_MOVES,
    WAITING_STATES,
    PushState,
    require_move,
)
from aiq_cova_plugin.errors import IllegalMove

# Written out once more as letters: a state per row, and what it may become.
# q(ueued) s(ending) c(hecking) i(n_pos) n(eeds_attention) w(ithdrawn) d(one: completed) x(cancelled)
LETTERS = dict(zip("qscinwdx", PushState, strict=True))
MAY_BECOME = {
    "q": "scnwd",
    "s": "qcinwd",
    "c": "qsinwdx",
    "i": "dxwn",
    "n": "qciwdx",
    "w": "",
    "d": "",
    "x": "",
}


def test_the_letters_stand_for_the_states():
    assert {letter: state.value for letter, state in LETTERS.items()} == {
        "q": "queued",
        "s": "sending",
        "c": "checking",
        "i": "in_pos",
        "n": "needs_attention",
        "w": "withdrawn",
        "d": "completed",
        "x": "cancelled",
    }


@pytest.mark.parametrize(("old", "new"), list(itertools.product(LETTERS, LETTERS)))
def test_only_these_moves_are_legal(old, new):
    current, target = LETTERS[old], LETTERS[new]

    if new in MAY_BECOME[old]:
        require_move(current, target)
        return
    with pytest.raises(IllegalMove):
        require_move(current, target)


def test_an_illegal_move_is_said_in_words():
    with pytest.raises(IllegalMove) as caught:
        require_move(PushState.IN_POS, PushState.QUEUED)

    assert caught.value.message == "An order that is in pos cannot become queued."
    assert caught.value.fix == "Reload the order's page: its state has changed meanwhile."
    with pytest.raises(IllegalMove) as caught:
        require_move(PushState.COMPLETED, PushState.NEEDS_ATTENTION)
    assert caught.value.message == "An order that is completed cannot become needs attention."


def test_ends_are_ends_and_workers_pick_up_what_waits():
    assert (
        frozenset({PushState.WITHDRAWN, PushState.COMPLETED, PushState.CANCELLED}) == FINAL_STATES
    )
    assert frozenset({PushState.QUEUED, PushState.SENDING, PushState.CHECKING}) == WAITING_STATES
    assert LEGAL_MOVES.keys() == set(PushState)
