"""Life cycle: what is created, hidden, brought back, and what never was anybody's business."""

from __future__ import annotations

import pytest

from aiq_cova_plugin.simulator import Simulator

from tests.support.connected import BY_ID, CHANGES, FEED, ConnectedShop, connected_shop


def _forget(sim: Simulator, product_id: str) -> object:
    """COVA loses the product altogether; answers it, so that it can be put back."""
    with sim.state.lock:
        return sim.state.products.pop(product_id)


@pytest.mark.parametrize("life_cycle", ["Coming Soon", "Inactive", "Discontinued", "Whatever"])
def test_a_product_that_is_not_active_is_never_created(
    shop: ConnectedShop, life_cycle: str
) -> None:
    product_id = shop.sim.register.add_product(name="Later", lifecycle=life_cycle)

    report = shop.sync()

    assert report.status == "succeeded"
    assert product_id not in shop.shop.products()
    assert shop.product(product_id).host_state == "absent"


def test_a_coming_soon_product_appears_when_it_becomes_active(shop: ConnectedShop) -> None:
    product_id = shop.sim.register.add_product(name="Soon", lifecycle="Coming Soon", stock=3)
    shop.sync()
    shop.sim.register.set_lifecycle(product_id, "Active")

    shop.sync()

    assert shop.in_shop(product_id)["quantity"] == "3"


def test_the_delivery_fee_is_no_product_of_the_menu(shop: ConnectedShop) -> None:
    shop.sync()

    fee = shop.sim.delivery_fee_product_id
    assert fee not in shop.shop.products()
    assert shop.product(fee).presence == "non_stock"


def test_a_product_without_a_price_waits_until_it_has_one(shop: ConnectedShop) -> None:
    product_id = shop.sim.register.add_product(name="No price", price=None, stock=5)

    report = shop.sync()

    assert report.status == "succeeded"
    assert product_id not in shop.shop.products()
    assert [i.field for i in report.issues if i.cova_product_id == product_id] == ["price"]

    shop.sim.register.set_price(product_id, 11)
    shop.sync()

    assert shop.in_shop(product_id)["price"] == "11"


def test_an_archived_product_is_hidden_and_returns_with_its_history(
    any_shop: ConnectedShop,
) -> None:
    (product_id,) = any_shop.ordinary()
    any_shop.sync()
    before = any_shop.in_shop(product_id)

    any_shop.sim.register.archive(product_id)
    hidden = any_shop.sync()

    assert (hidden.status, hidden.hidden) == ("succeeded", 1)
    assert any_shop.in_shop(product_id) == before | {"enabled": False}

    any_shop.sim.register.restore(product_id)
    any_shop.sim.register.set_price(product_id, "123")
    with any_shop.told() as told:
        back = any_shop.sync()

    assert back.updated == 1
    assert [(change.action, change.fields["enabled"]) for change in told] == [("restore", True)]
    assert any_shop.in_shop(product_id) == before | {"price": "123"}


def test_a_hidden_product_is_hidden_once(shop: ConnectedShop) -> None:
    (product_id,) = shop.ordinary()
    shop.sync()
    shop.sim.register.set_lifecycle(product_id, "Discontinued")
    shop.sync()

    with shop.told() as told:
        shop.sync()
        shop.sync(full=True)

    assert told == []


def test_an_increment_never_hides_what_it_does_not_mention(shop: ConnectedShop) -> None:
    (product_id,) = shop.ordinary()
    shop.sync()
    _forget(shop.sim, product_id)

    with shop.told() as told:
        report = shop.sync()

    assert (report.mode, report.hidden) == ("incremental", 0)
    assert told == []
    assert shop.in_shop(product_id)["enabled"] is True


def test_a_vanished_product_is_hidden_after_a_whole_pass_and_returns(
    any_shop: ConnectedShop,
) -> None:
    (product_id,) = any_shop.ordinary()
    any_shop.sync()
    lost = _forget(any_shop.sim, product_id)

    report = any_shop.sync(full=True)

    assert (report.status, report.hidden) == ("succeeded", 1)
    assert any_shop.in_shop(product_id)["enabled"] is False
    assert any_shop.product(product_id).vanished_at is not None
    assert any_shop.sync(full=True).hidden == 0

    any_shop.sim.state.products[product_id] = lost  # type: ignore[assignment]
    back = any_shop.sync(full=True)

    assert back.updated == 1
    assert any_shop.in_shop(product_id)["enabled"] is True
    assert any_shop.product(product_id).vanished_at is None


def test_a_whole_pass_that_broke_off_hides_nothing(sqlite_url: str, sim: Simulator) -> None:
    with connected_shop(sqlite_url, sim, COVA_PAGE_SIZE=25) as shop:
        shop.sync()
        _forget(sim, shop.ordinary()[0])
        sim.faults.add(FEED, action="server_error", times=None, skip=1)

        with shop.told() as told:
            report = shop.sync(full=True)

        assert report.status == "failed"
        assert told == []
        assert all(row.vanished_at is None for row in shop.known().values())


def test_products_a_whole_pass_skipped_are_asked_for_by_id_before_they_are_hidden(
    shop: ConnectedShop,
) -> None:
    """The listing comes back empty; that is not an empty shop."""
    shop.sync()
    shop.sim.faults.add(FEED, action="empty_page", times=None)

    with shop.told() as told:
        report = shop.sync(full=True)

    assert report.status == "succeeded"
    assert shop.calls(BY_ID) >= 1
    assert told == []


def test_nothing_is_hidden_when_asking_by_id_fails(shop: ConnectedShop) -> None:
    shop.sync()
    _forget(shop.sim, shop.ordinary()[0])
    shop.sim.faults.add(BY_ID, action="server_error", times=None)

    with shop.told() as told:
        report = shop.sync(full=True)

    assert report.status == "failed"
    assert told == []


def test_a_product_archived_where_updates_do_not_report_it_is_found_by_a_whole_pass(
    shop: ConnectedShop,
) -> None:
    """Whether UpdatedAsOf tells of archived products is not documented (section 12)."""
    shop.sim.switches.update(
        {"updates_report_archived": False, "all_lifecycles_includes_archived": False}
    )
    (product_id,) = shop.ordinary()
    shop.sync()
    shop.sim.register.archive(product_id)

    assert shop.sync().hidden == 0
    assert shop.sync(full=True).hidden == 1
    assert shop.in_shop(product_id)["enabled"] is False


def test_a_scheduled_run_reads_everything_once_a_day(shop: ConnectedShop) -> None:
    shop.sync(trigger="schedule")
    shop.clock.advance(3600)
    assert shop.sync(trigger="schedule").mode == "incremental"
    changes = shop.calls(CHANGES)

    shop.clock.advance(24 * 3600)

    assert shop.sync(trigger="button").mode == "incremental"
    assert shop.sync(trigger="schedule").mode == "full"
    assert shop.sync(trigger="schedule").mode == "incremental"
    assert shop.calls(CHANGES) > changes
