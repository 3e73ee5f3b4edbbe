"""A sale begins and ends on time, whether or not COVA reports a change."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from aiq_cova_plugin.services.catalogue.read_catalogue import CatalogueReader
from aiq_cova_plugin.services.run_due import run_due_catalogue_jobs
from aiq_cova_plugin.simulator import Simulator

from tests.support.connected import ConnectedShop, connected_shop


def _price_of(shop: ConnectedShop, product_id: str) -> tuple[str, str | None]:
    shown = shop.in_shop(product_id)
    return shown["price"], shown["sale_price"]


def test_a_sale_begins_and_ends_without_any_change_in_cova(any_shop: ConnectedShop) -> None:
    (product_id,) = any_shop.ordinary()
    now = any_shop.clock.now()
    any_shop.sim.register.set_price(product_id, 20)
    any_shop.sim.register.put_on_sale(
        product_id, 15, start=now + timedelta(hours=1), end=now + timedelta(hours=3)
    )
    any_shop.sync()
    any_shop.sim.clock.advance(3600)
    assert _price_of(any_shop, product_id) == ("20", None)

    any_shop.clock.advance(3600)
    begun = any_shop.sync()
    assert begun.updated == _number_of_edges(any_shop, now, hours=1)
    assert _price_of(any_shop, product_id) == ("20", "15")

    any_shop.clock.advance(1800)
    with any_shop.told() as told:
        any_shop.sync()
    assert told == [], "in the middle of the sale there is nothing to tell"

    any_shop.clock.advance(5400)
    any_shop.sync()
    assert _price_of(any_shop, product_id) == ("20", None)
    assert any_shop.product(product_id).next_price_change_at is None


def _number_of_edges(shop: ConnectedShop, began, *, hours: int) -> int:  # type: ignore[no-untyped-def]
    """How many sales of the menu begin or end within so many hours."""
    until = began + timedelta(hours=hours, seconds=2)
    return sum(
        any(
            edge is not None and began < edge <= until
            for row in product.prices
            if row.location_id == shop.sim.location_id
            for sale in row.sales
            for edge in (sale.start, sale.end)
        )
        for product in shop.sim.state.products.values()
    )


def test_the_edge_of_a_sale_makes_a_sync_due_at_that_moment(shop: ConnectedShop) -> None:
    """Ten minutes between two syncs would end a sale up to ten minutes late."""
    (product_id,) = shop.ordinary()
    shop.sim.register.set_price(product_id, 20)
    shop.sim.register.put_on_sale(product_id, 15, end=shop.clock.now() + timedelta(minutes=4))
    _tick(shop)
    assert _price_of(shop, product_id) == ("20", "15")

    shop.clock.advance(239)
    assert _tick(shop) == 0
    shop.clock.advance(2)
    assert _tick(shop) == 1

    assert _price_of(shop, product_id) == ("20", None)


def _tick(shop: ConnectedShop) -> int:
    with shop.shop.app.app_context():
        return run_due_catalogue_jobs(shop.shop.services)


def test_a_sale_ends_on_time_though_cova_cannot_be_read(shop: ConnectedShop) -> None:
    (product_id,) = shop.ordinary()
    shop.sim.register.set_price(product_id, 20)
    shop.sim.register.put_on_sale(product_id, 15, end=shop.clock.now() + timedelta(minutes=5))
    shop.sync()
    before = shop.shop.products()
    shop.sim.faults.add(action="server_error", times=None)
    shop.clock.advance(300)

    report = shop.sync(full=True)

    assert report.status == "failed"
    assert _price_of(shop, product_id) == ("20", None)
    after = shop.shop.products()
    assert {each for each in after if after[each] != before[each]} == {product_id}
    assert shop.sync().updated == 0, "it is done once"


def test_a_sale_ends_on_time_though_the_run_failed_unexpectedly(
    shop: ConnectedShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    (product_id,) = shop.ordinary()
    shop.sim.register.set_price(product_id, 20)
    shop.sim.register.put_on_sale(product_id, 15, end=shop.clock.now() + timedelta(minutes=5))
    shop.sync()
    shop.clock.advance(300)

    def stumble(*_: object, **__: object) -> None:
        raise RuntimeError("something unexpected")

    monkeypatch.setattr(CatalogueReader, "read_changes", stumble)
    with pytest.raises(RuntimeError, match="unexpected"):
        shop.sync()

    assert shop.runs()[0].status == "failed"
    assert _price_of(shop, product_id) == ("20", None)


@pytest.mark.parametrize("mark", ["is_locked", "is_excluded"])
def test_a_sale_of_what_does_not_follow_cova_is_left_alone(shop: ConnectedShop, mark: str) -> None:
    (product_id,) = shop.ordinary()
    shop.sim.register.set_price(product_id, 20)
    shop.sim.register.put_on_sale(product_id, 15, end=shop.clock.now() + timedelta(minutes=5))
    shop.sync()
    shop.change(product_id, **{mark: True})
    shop.sim.faults.add(action="server_error", times=None)
    shop.clock.advance(300)

    shop.sync()

    assert _price_of(shop, product_id) == ("20", "15")


def test_a_sale_that_is_no_cheaper_is_no_sale(shop: ConnectedShop) -> None:
    (product_id,) = shop.ordinary()
    shop.sim.register.set_price(product_id, 20)
    shop.sim.register.put_on_sale(product_id, 20)

    shop.sync()

    assert _price_of(shop, product_id) == ("20", None)


def test_a_sale_taken_away_in_cova_ends(shop: ConnectedShop) -> None:
    (product_id,) = shop.ordinary()
    shop.sim.register.set_price(product_id, 20)
    shop.sim.register.put_on_sale(product_id, 15)
    shop.sync()
    assert _price_of(shop, product_id) == ("20", "15")
    shop.sim.register.end_sale(product_id)

    shop.sync()

    assert _price_of(shop, product_id) == ("20", None)


def test_a_sale_with_days_and_hours_is_left_out_and_said(shop: ConnectedShop) -> None:
    (product_id,) = shop.ordinary()
    shop.sim.register.set_price(product_id, 20)
    shop.sim.register.put_on_sale(product_id, 15, recurrence={"DaysOfWeek": ["Friday"]})

    report = shop.sync()

    assert _price_of(shop, product_id) == ("20", None)
    reasons = [i.reason for i in report.issues if i.cova_product_id == product_id]
    assert len(reasons) == 1
    assert "DaysOfWeek" in reasons[0]


def test_a_sale_of_a_locked_price_owner_is_not_told(shop: ConnectedShop) -> None:
    (product_id,) = shop.ordinary()
    shop.sync()
    shop.let_staff_own("sale_price")
    shop.sim.register.put_on_sale(product_id, 1)

    with shop.told() as told:
        shop.sync()

    assert all("sale_price" not in change.fields for change in told)


# --- midnight and the nights in which the clocks change, where the store is -----------------------

_DENVER = ZoneInfo("America/Denver")


@contextmanager
def _shop_at(url: str, sim: Simulator, moment: datetime) -> Iterator[ConnectedShop]:
    """A shop whose clock, and COVA's, stand at that moment."""
    sim.clock.advance((moment - sim.clock.now()).total_seconds())
    with connected_shop(url, sim) as shop:
        shop.clock.advance((moment - shop.clock.now()).total_seconds())
        yield shop


@pytest.mark.parametrize(
    ("day", "hours"),
    [("2027-05-20", 24), ("2027-03-14", 23), ("2027-11-07", 25)],
    ids=["ordinary", "clocks-go-forward", "clocks-go-back"],
)
def test_a_sale_of_one_day_lasts_from_midnight_to_midnight_in_the_store_s_zone(
    sqlite_url: str, sim: Simulator, day: str, hours: int
) -> None:
    start = datetime.fromisoformat(day).replace(tzinfo=_DENVER).astimezone(UTC)
    next_day = datetime.fromisoformat(day) + timedelta(days=1)
    end = next_day.replace(tzinfo=_DENVER).astimezone(UTC)
    assert end - start == timedelta(hours=hours)
    with _shop_at(sqlite_url, sim, start - timedelta(minutes=10)) as shop:
        (product_id,) = shop.ordinary()
        shop.sim.register.set_price(product_id, 20)
        shop.sim.register.put_on_sale(product_id, 15, start=start, end=end)
        _tick(shop)
        assert _price_of(shop, product_id) == ("20", None)
        seen: list[tuple[datetime, str | None]] = []

        while shop.clock.now() < end + timedelta(minutes=20):
            shop.clock.advance(299)
            _tick(shop)
            price = _price_of(shop, product_id)[1]
            if not seen or seen[-1][1] != price:
                seen.append((shop.clock.now(), price))

    prices = [price for _, price in seen]
    assert prices == [None, "15", None]
    # A sync becomes due at the edge itself; the ticks here are five minutes apart.
    assert timedelta(0) <= seen[1][0] - start <= timedelta(seconds=299)
    assert timedelta(0) <= seen[2][0] - end <= timedelta(seconds=299)


@pytest.mark.parametrize("fold", [0, 1])
def test_a_sale_that_ends_in_the_hour_that_comes_twice_ends_once(
    sqlite_url: str, sim: Simulator, fold: int
) -> None:
    """01:30 comes twice in that night; COVA's UTC says which one is meant."""
    end = datetime(2027, 11, 7, 1, 30, tzinfo=_DENVER, fold=fold).astimezone(UTC)
    with _shop_at(sqlite_url, sim, end - timedelta(hours=2)) as shop:
        (product_id,) = shop.ordinary()
        shop.sim.register.set_price(product_id, 20)
        shop.sim.register.put_on_sale(product_id, 15, end=end)
        shop.sync()
        assert _price_of(shop, product_id) == ("20", "15")

        shop.clock.advance((end - shop.clock.now()).total_seconds() - 2)
        shop.sync()
        assert _price_of(shop, product_id) == ("20", "15")
        shop.sync()

        assert _price_of(shop, product_id) == ("20", None)
        shop.clock.advance(3600)
        shop.sync()
        assert _price_of(shop, product_id) == ("20", None)
