"""A run says which products it changed and how, and says nothing that is not so."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from aiq_cova_plugin.errors import LeaseHeld
from aiq_cova_plugin.host import ApplyResult, ProductChange
from aiq_cova_plugin.services.catalogue import run_changes as module
from aiq_cova_plugin.services.upkeep.prune import prune
from aiq_cova_plugin.services.watch.show_runs import run_changes
from aiq_cova_plugin.store import retention
from aiq_cova_plugin.store.models import RunChange

from tests.support.connected import ConnectedShop


def changes_of(shop: ConnectedShop, run_id: str) -> list[RunChange]:
    with shop.shop.app.app_context():
        found = run_changes(shop.shop.services, "s1", run_id, per_page=10_000)
    assert found is not None
    return found.changes


def kinds_of(shop: ConnectedShop, run_id: str) -> dict[str, str]:
    """dict: product id → what the run says it did to it."""
    return {each.cova_product_id: each.action for each in changes_of(shop, run_id)}


def test_each_kind_of_change_is_told_with_old_and_new(any_shop: ConnectedShop) -> None:
    shop = any_shop
    price, stock, gone, back, sold = shop.ordinary(5)
    for product_id in (price, stock, gone, back, sold):
        shop.sim.register.set_stock(product_id, 9)
    shop.sim.register.set_price(price, "32")
    shop.sync()
    shop.sim.register.archive(back)
    shop.sync()
    shop.sim.register.restore(back)
    shop.sim.register.archive(gone)
    shop.sim.register.set_price(price, "30.5")
    shop.sim.register.set_stock(stock, 4)
    shop.sim.register.set_stock(sold, 0)
    new = shop.sim.register.add_product(name="Brand new", stock=3)

    report = shop.sync()

    assert kinds_of(shop, report.run_id) == {
        price: "update", stock: "stock", gone: "hide", back: "restore", sold: "sold_out",
        new: "create",
    }  # fmt: skip
    fields = {each.cova_product_id: each.fields for each in changes_of(shop, report.run_id)}
    assert fields[price] == {"price": ["32", "30.5"]}
    assert fields[stock] == {"quantity": ["9", "4"]}
    assert fields[gone] == {"enabled": [True, False]}
    assert fields[new]["name"] == [None, "Brand new"]
    assert report.created + report.updated + report.hidden == 6
    assert kinds_of(shop, shop.sync().run_id) == {}


def test_a_refused_product_is_not_listed_as_changed(shop: ConnectedShop) -> None:
    good, bad, stumble = shop.ordinary(3)
    shop.sync()
    for product_id in (good, bad, stumble):
        shop.sim.register.set_price(product_id, "77")
    shop.shop.host.refused_products[bad] = "Not now."
    shop.shop.host.broken_products.add(stumble)

    report = shop.sync()

    assert kinds_of(shop, report.run_id) == {good: "update"}


@pytest.mark.parametrize("batches_written", [0, 1, 2])
def test_after_a_crash_what_is_listed_was_applied_and_what_was_applied_is_listed(
    any_shop: ConnectedShop, batches_written: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker loses its claim in the middle of a batch, after the shop has agreed to it."""
    monkeypatch.setattr("aiq_cova_plugin.services.catalogue.apply_changes._BATCH", 10)
    shop, host = any_shop, any_shop.shop.host
    apply, batches = host.apply_products, []

    def killed(store_id: str, changes: list[ProductChange]) -> list[ApplyResult]:
        answers = list(apply(store_id, changes))
        batches.append(changes)
        if len(batches) > batches_written:
            raise LeaseHeld("killed")
        return answers

    monkeypatch.setattr(host, "apply_products", killed)
    shop.sync()
    monkeypatch.undo()

    listed = kinds_of(shop, shop.runs()[0].id)
    assert set(listed) == set(shop.shop.products())
    assert len(listed) == sum(map(len, batches[:batches_written]))


def test_a_long_run_keeps_the_first_and_counts_the_rest(
    shop: ConnectedShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHANGES_KEPT", 7)

    report = shop.sync()

    with shop.shop.app.app_context():
        found = run_changes(shop.shop.services, "s1", report.run_id)
    assert found is not None
    assert len(found.changes) == 7
    assert found.counts == {"create": 7}
    assert found.not_kept == report.created - 7


def test_a_sale_that_begins_while_the_run_is_held_is_listed(shop: ConnectedShop) -> None:
    on_sale, *others = shop.ordinary(4)
    shop.sim.register.set_price(on_sale, "40")
    begin = shop.clock.now() + timedelta(hours=1)
    shop.sim.register.put_on_sale(on_sale, 30, start=begin, end=begin + timedelta(days=1))
    shop.sync()
    shop.clock.advance(2 * 3600)
    shop.change_settings(guard_percent=0, guard_at_least=1)
    for each in others:
        shop.sim.register.archive(each)

    report = shop.sync()

    assert report.status == "held"
    changes = {each.cova_product_id: each for each in changes_of(shop, report.run_id)}
    assert len(changes) == report.updated
    assert {name for each in changes.values() for name in each.fields} == {"sale_price"}
    assert changes[on_sale].action == "update"
    assert changes[on_sale].fields == {"sale_price": [None, "30"]}


def test_old_runs_go_with_what_they_changed_in_small_steps(
    any_shop: ConnectedShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = any_shop
    monkeypatch.setattr(retention, "STEP", 7)
    old = shop.sync().run_id
    shop.clock.advance(400 * 24 * 3600)
    shop.sim.register.set_price(shop.ordinary()[0], "77")
    new = shop.sync(full=True).run_id

    with shop.shop.app.app_context():
        gone = prune(shop.shop.services)
        left: Any = run_changes(shop.shop.services, "s1", old)
        with shop.shop.services.database.short() as connection:
            rows = connection.exec_driver_sql("select distinct run_id from cova_run_change").all()

    assert gone.runs == 1
    assert left is None
    assert [row.run_id for row in rows] == [new]
