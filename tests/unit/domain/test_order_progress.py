"""Statuses move forward only."""

from __future__ import annotations

import itertools

import pytest

from aiq_cova_plugin.domain.order_progress import is_forward
from aiq_cova_plugin.domain.values import OrderStatus as S

FORWARD = {
    (S.CONFIRMED, S.IN_PROGRESS),
    (S.CONFIRMED, S.READY_FOR_PICKUP),
    (S.CONFIRMED, S.OUT_FOR_DELIVERY),
    (S.CONFIRMED, S.COMPLETED),
    (S.CONFIRMED, S.CANCELLED),
    (S.IN_PROGRESS, S.READY_FOR_PICKUP),
    (S.IN_PROGRESS, S.OUT_FOR_DELIVERY),
    (S.IN_PROGRESS, S.COMPLETED),
    (S.IN_PROGRESS, S.CANCELLED),
    (S.READY_FOR_PICKUP, S.OUT_FOR_DELIVERY),
    (S.READY_FOR_PICKUP, S.COMPLETED),
    (S.READY_FOR_PICKUP, S.CANCELLED),
    (S.OUT_FOR_DELIVERY, S.COMPLETED),
    (S.OUT_FOR_DELIVERY, S.CANCELLED),
}


@pytest.mark.parametrize(("old", "new"), list(itertools.product(S, S)))
def test_exactly_these_moves_are_forward(old, new):
    assert is_forward(old, new) is ((old, new) in FORWARD)


@pytest.mark.parametrize("new", list(S))
def test_any_first_status_is_forward(new):
    assert is_forward(None, new)
