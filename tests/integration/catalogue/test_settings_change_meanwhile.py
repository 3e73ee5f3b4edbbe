"""What staff change while a run is under way is not lost to it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from aiq_cova_plugin.errors import CovaPluginError

from tests.support.connected import ConnectedShop, connection_of


def _move_to_the_other_location(shop: ConnectedShop) -> None:
    told = connection_of(shop.sim) | {"location_id": shop.sim.second_location_id}
    shop.shop.cova.connect_store(shop.shop.app, "s1", check=False, enabled=True, **told)


def test_another_location_is_read_from_the_beginning(shop: ConnectedShop) -> None:
    (product_id,) = shop.ordinary()
    shop.sim.register.set_stock(product_id, 5)
    shop.sim.register.set_stock(product_id, 9, location_id=shop.sim.second_location_id)
    shop.sync()
    _move_to_the_other_location(shop)

    report = shop.sync()

    assert report.mode == "full"
    assert shop.quantity(product_id) == 9


def test_a_location_changed_while_the_old_one_is_read_is_read_whole_afterwards(
    shop: ConnectedShop,
) -> None:
    """The old run must not leave its cursor behind: the new place would never be read whole."""
    (product_id,) = shop.ordinary()
    shop.sim.register.set_stock(product_id, 9, location_id=shop.sim.second_location_id)
    moved = []

    def move(_skip: int) -> None:
        if not moved:
            moved.append(_move_to_the_other_location(shop))

    with shop.after_each_page(move), shop.told() as told:
        report = shop.sync()
    shop.sim.clock.advance(3600)

    assert told == [], "nothing of the old location is written into the new one"
    assert report.status == "failed"
    assert "another company or location" in report.message
    assert shop.runs()[0].status == "failed"
    assert shop.state().cursor is None
    assert shop.sync().mode == "full"
    assert shop.quantity(product_id) == 9


def test_a_location_changed_between_two_batches_stops_the_old_run(
    any_shop: ConnectedShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was written before the change stays until the new location is read; no more comes."""
    monkeypatch.setattr("aiq_cova_plugin.services.catalogue.apply_changes._BATCH", 10)
    shop = any_shop
    (product_id,) = shop.ordinary()
    shop.sim.register.set_stock(product_id, 9, location_id=shop.sim.second_location_id)
    writer, moved = shop.shop.services.leases.renew, []

    def move_after_the_first(lease: Any) -> None:
        writer(lease)
        if shop.runs()[0].applied and not moved:
            moved.append(_move_to_the_other_location(shop))

    monkeypatch.setattr(type(shop.shop.services.leases), "renew", lambda _self, lease: (
        move_after_the_first(lease)
    ))  # fmt: skip
    with shop.told() as told:
        report = shop.sync()
    monkeypatch.undo()

    assert (report.status, report.created <= 10) == ("failed", True)
    assert 0 < len(told) <= 10
    assert shop.sync().mode == "full"
    assert shop.quantity(product_id) == 9


def test_field_choices_made_during_a_run_are_applied_by_the_next(shop: ConnectedShop) -> None:
    (product_id,) = shop.ordinary()
    shop.let_staff_own("name")
    chosen = []

    def choose(_skip: int) -> None:
        if not chosen:
            chosen.append(shop.let_staff_own())

    with shop.after_each_page(choose):
        shop.sync()
    assert "name" not in shop.in_shop(product_id)

    shop.sync()

    assert shop.in_shop(product_id)["name"]


def test_every_run_and_preview_closes_its_connections(shop: ConnectedShop) -> None:
    state = shop.shop.app.extensions["cova"]
    services, opened, closed = state.services, [], []

    def open_counted(*args: Any, **options: Any) -> Any:
        client = services.open_client(*args, **options)
        close = client.close
        client.close = lambda: (closed.append(client), close())
        opened.append(client)
        return client

    state.services = replace(services, open_client=open_counted)
    shop.sync()
    shop.preview()
    shop.sim.faults.add("product_data_updated", action="server_error", times=None)
    shop.sync()
    with pytest.raises(CovaPluginError):
        shop.preview()

    assert len(opened) == 4
    assert closed == opened
