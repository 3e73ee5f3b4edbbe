"""A product that can never be read is known as such: it holds nobody up, and is not forgotten."""

from __future__ import annotations

from datetime import timedelta

from aiq_cova_plugin.services.catalogue import known_unreadable
from aiq_cova_plugin.store.models import UnreadableProduct
from aiq_cova_plugin.store.unreadable import unreadable_of

from tests.support.connected import BY_ID, FEED, ConnectedShop


def _known(shop: ConnectedShop) -> list[UnreadableProduct]:
    with shop.shop.app.app_context(), shop.shop.services.database.short() as connection:
        return unreadable_of(connection, "s1")


def _spoil(shop: ConnectedShop, product_id: str, value: object) -> None:
    shop.sim.register.set_lifecycle(product_id, value)  # type: ignore[arg-type]


def test_the_second_time_it_no_longer_keeps_the_cursor(any_shop: ConnectedShop) -> None:
    shop = any_shop
    (bad,) = shop.ordinary()
    _spoil(shop, bad, {"Name": "Active"})

    first = shop.sync()
    assert (first.status, first.failed, shop.state().cursor) == ("partial", 1, None)
    (row,) = _known(shop)
    assert (row.cova_product_id, row.field) == (bad, "LifeCycle")
    assert "LifeCycle" in row.reason

    second = shop.sync()
    assert (second.status, second.mode, second.failed) == ("partial", "full", 1)
    assert shop.state().cursor is not None
    assert "unreadable before" in second.message
    assert _known(shop)[0].first_seen_at == row.first_seen_at
    assert _known(shop)[0].last_seen_at > row.last_seen_at

    asked = shop.calls(FEED)
    third = shop.sync()
    assert (third.status, third.mode, third.failed) == ("partial", "incremental", 1)
    assert shop.calls(FEED) == asked, "no whole listing for the sake of one product"
    assert [issue.cova_product_id for issue in third.issues] == [bad]


def test_it_is_asked_for_by_id_and_taken_over_once_it_can_be_read(
    any_shop: ConnectedShop,
) -> None:
    """COVA may mend it without calling it changed."""
    shop = any_shop
    (bad,) = shop.ordinary()
    _spoil(shop, bad, {})
    shop.sync()
    shop.sync()
    shop.sim.clock.advance(7200)
    shop.sync()
    product = shop.sim.state.products[bad]
    _spoil(shop, bad, "Active")
    for each in product.changed_at:
        product.changed_at[each] -= timedelta(days=3)
    asked = shop.calls(BY_ID)

    report = shop.sync()

    assert (report.status, report.created, report.failed) == ("succeeded", 1, 0)
    assert shop.calls(BY_ID) == asked + 1
    assert shop.in_shop(bad)["enabled"] is True
    assert _known(shop) == []


def test_one_that_is_on_the_menu_stays_as_it_was_however_long(shop: ConnectedShop) -> None:
    shop.sync()
    (bad,) = shop.ordinary()
    before = shop.in_shop(bad)
    _spoil(shop, bad, ["Active"])

    statuses = [shop.sync().status for _ in range(3)]
    statuses += [shop.sync(full=True).status for _ in range(2)]

    assert set(statuses) == {"partial"}
    assert shop.in_shop(bad) == before
    assert shop.product(bad).vanished_at is None


def test_the_cursor_moves_while_one_product_stays_unreadable(shop: ConnectedShop) -> None:
    shop.sync()
    first = shop.state().cursor
    _spoil(shop, shop.ordinary()[0], {})
    shop.sim.clock.advance(600)
    shop.sync()
    assert shop.state().cursor == first, "the first time it is waited for"
    shop.sim.clock.advance(600)
    shop.sync()
    second = shop.state().cursor
    assert first is not None
    assert second is not None
    assert second - first >= timedelta(seconds=1190)


def test_one_that_fails_in_another_way_is_new_again(shop: ConnectedShop) -> None:
    (bad,) = shop.ordinary()
    _spoil(shop, bad, {})
    shop.sync()
    _spoil(shop, bad, [])

    shop.sync()
    assert shop.state().cursor is None
    shop.sync()
    assert shop.state().cursor is not None


def test_one_that_vanishes_is_forgotten(any_shop: ConnectedShop) -> None:
    shop = any_shop
    (bad,) = shop.ordinary()
    _spoil(shop, bad, {})
    shop.sync()
    shop.sync()
    with shop.sim.state.lock:
        del shop.sim.state.products[bad]

    report = shop.sync()

    assert report.status == "succeeded"
    assert _known(shop) == []


def test_a_host_s_refusal_still_keeps_the_cursor(shop: ConnectedShop) -> None:
    bad, refused = shop.ordinary(2)
    _spoil(shop, bad, {})
    shop.shop.host.refused_products[refused] = "no"
    shop.sync()
    shop.sync()
    assert shop.state().cursor is None


def test_a_held_run_remembers_nothing(shop: ConnectedShop) -> None:
    shop.change_settings(guard_at_least=1, guard_percent=0)
    shop.sync()
    bad, gone = shop.ordinary(2)
    _spoil(shop, bad, {})
    shop.sim.register.archive(gone)

    assert shop.sync().status == "held"
    assert _known(shop) == []


def test_only_so_many_are_asked_for_at_a_time_and_all_get_their_turn(
    shop: ConnectedShop, monkeypatch
) -> None:  # type: ignore[no-untyped-def]
    bad = shop.ordinary(5)
    for each in bad:
        _spoil(shop, each, {})
    shop.sync()
    shop.sync()
    shop.sim.clock.advance(7200)
    shop.sync()
    monkeypatch.setattr(known_unreadable, "ASKED_PER_RUN", 2)
    shop.sim.clock.advance(7200)
    seen: set[str] = set()

    for _ in range(3):
        report = shop.sync()
        assert report.failed == 2
        seen |= {issue.cova_product_id for issue in report.issues}

    assert seen == set(bad)


def test_a_preview_remembers_nothing(shop: ConnectedShop) -> None:
    _spoil(shop, shop.ordinary()[0], {})
    assert shop.preview().status == "partial"
    assert _known(shop) == []
