"""A hold nobody ever confirms expires, and never in silence."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from aiq_cova_plugin import signals
from aiq_cova_plugin.services.orders.sweep_orders import sweep_orders
from aiq_cova_plugin.services.stock import expire_holds as module
from aiq_cova_plugin.services.stock.expire_holds import expire_forgotten_holds
from aiq_cova_plugin.services.stock.explain_holds import holds_report
from aiq_cova_plugin.services.watch.alerts import HOLD_GONE, open_alerts, watch

from tests.support.connected import ConnectedShop


@pytest.fixture
def told() -> Iterator[list[tuple[str, str]]]:
    """(order, reason) of every order that needs attention."""
    heard: list[tuple[str, str]] = []

    def hear(_sender: Any, *, order_id: str, reason: str, **_: Any) -> None:
        heard.append((order_id, reason))

    with signals.order_needs_attention.connected_to(hear):
        yield heard


def _place(shop: ConnectedShop, *order_ids: str) -> str:
    (product_id,) = shop.ordinary()
    if not shop.runs():
        shop.sync()
    for order_id in order_ids:
        shop.shop.place(order_id, [(product_id, "x", "1", "1.00")], send=["aiq.order-placed"])
    return product_id


def _expire(shop: ConnectedShop) -> int:
    with shop.shop.app.app_context():
        return expire_forgotten_holds(shop.shop.services, "s1")


def test_it_expires_with_a_signal_an_alert_and_a_line_on_the_page(
    any_shop: ConnectedShop, told: list[tuple[str, str]]
) -> None:
    shop = any_shop
    shop.change_settings(sync_orders=True)
    product_id = _place(shop, "o1")
    free = shop.quantity(product_id)
    shop.clock.advance(timedelta(days=3).total_seconds() - 60)
    assert _expire(shop) == 0
    assert told == []

    shop.clock.advance(120)
    assert _expire(shop) == 1

    assert shop.holds() == []
    assert shop.quantity(product_id) == free + 1
    assert [order_id for order_id, _ in told] == ["o1"]
    assert "three days" in told[0][1]
    with shop.shop.app.app_context():
        watch(shop.shop.services)
        (alert,) = (
            each for each in open_alerts(shop.shop.services, "s1") if each.kind == HOLD_GONE
        )
        report = holds_report(shop.shop.services, "s1")
    assert alert.subject == "o1"
    assert [hold.order_id for hold in report.expired] == ["o1"]
    assert _expire(shop) == 0, "once"


def test_where_orders_are_not_sent_it_does_not_claim_to_know_them_unconfirmed(
    shop: ConnectedShop, told: list[tuple[str, str]]
) -> None:
    _place(shop, "o1")
    shop.shop.send("aiq.order-confirmed", "o1")
    shop.clock.advance(timedelta(days=4).total_seconds())

    assert _expire(shop) == 1

    ((_, reason),) = told
    assert "does not send its orders" in reason
    assert "confirmed" not in reason


def test_the_sweep_does_it(shop: ConnectedShop, told: list[tuple[str, str]]) -> None:
    _place(shop, "o1")
    shop.change_settings(orders_since=shop.clock.now() + timedelta(days=30))
    shop.clock.advance(timedelta(days=4).total_seconds())
    with shop.shop.app.app_context():
        sweep_orders(shop.shop.services, "s1")
    assert [order_id for order_id, _ in told] == ["o1"]


def test_an_order_confirmed_at_the_last_moment_keeps_its_hold(
    any_shop: ConnectedShop, told: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is confirmed after the forgotten orders were looked up and before they are released."""
    shop = any_shop
    shop.change_settings(sync_orders=True)
    _place(shop, "o1")
    shop.clock.advance(timedelta(days=4).total_seconds())
    release = module._release

    def confirmed_first(ctx: Any, store_id: str, order_id: str) -> bool:
        shop.shop.send("aiq.order-confirmed", order_id)
        return release(ctx, store_id, order_id)

    monkeypatch.setattr(module, "_release", confirmed_first)

    assert _expire(shop) == 0

    assert [hold.order_id for hold in shop.holds()] == ["o1"]
    assert told == []


def test_one_that_cannot_be_released_does_not_keep_the_others(
    shop: ConnectedShop, told: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    _place(shop, "o1", "o2", "o3")
    shop.clock.advance(timedelta(days=4).total_seconds())
    release = module.release_order

    def stumble(ctx: Any, store_id: str, order_id: str, **more: Any) -> None:
        if order_id == "o2":
            raise RuntimeError("the shop stumbles")
        release(ctx, store_id, order_id, **more)

    monkeypatch.setattr(module, "release_order", stumble)
    assert _expire(shop) == 2
    assert sorted(order_id for order_id, _ in told) == ["o1", "o3"]
    assert [hold.order_id for hold in shop.holds()] == ["o2"]


def test_an_order_confirmed_after_its_hold_expired_is_held_again(any_shop: ConnectedShop) -> None:
    """It will be sold: what it takes must not be offered to the next shopper."""
    shop = any_shop
    shop.change_settings(sync_orders=True)
    product_id = _place(shop, "o1")
    held = shop.quantity(product_id)
    shop.clock.advance(timedelta(days=4).total_seconds())
    assert _expire(shop) == 1
    assert shop.quantity(product_id) == held + 1

    shop.shop.send("aiq.order-confirmed", "o1")

    assert [hold.order_id for hold in shop.holds()] == ["o1"]
    assert shop.quantity(product_id) == held
    shop.shop.send("aiq.order-confirmed", "o1")
    assert shop.quantity(product_id) == held
