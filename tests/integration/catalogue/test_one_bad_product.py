"""One bad product fails alone: the run ends `partial`, the others are there, it is retried."""

from __future__ import annotations

import json

import sqlalchemy as sa

from aiq_cova_plugin.host import ApplyResult, ProductChange
from aiq_cova_plugin.simulator import Simulator

from tests.support.connected import FEED, ConnectedShop, connected_shop
from tests.support.shop import ShopHost, ShopProduct


def _make_unreadable(sim: Simulator, product_id: str) -> None:
    """COVA sends a life cycle that is no text: whether it may be shown cannot be known."""
    sim.register.set_lifecycle(product_id, {"Name": "Active"})  # type: ignore[arg-type]


def test_an_unreadable_product_fails_alone_and_is_read_again(any_shop: ConnectedShop) -> None:
    bad, good = any_shop.ordinary(2)
    _make_unreadable(any_shop.sim, bad)

    first = any_shop.sync()

    assert (first.status, first.failed) == ("partial", 1)
    assert bad not in any_shop.shop.products()
    assert good in any_shop.shop.products()
    (issue,) = (i for i in first.issues if i.cova_product_id == bad)
    assert issue.field == "product"
    assert "LifeCycle" in issue.reason
    assert any_shop.state().cursor is None, "the cursor waits for a wholly good run"

    any_shop.sim.register.set_lifecycle(bad, "Active")
    second = any_shop.sync()

    assert (second.status, second.created) == ("succeeded", 1)
    assert bad in any_shop.shop.products()
    assert any_shop.state().cursor is not None


def test_a_known_product_that_becomes_unreadable_keeps_what_the_shop_has(
    shop: ConnectedShop,
) -> None:
    (bad,) = shop.ordinary()
    shop.sync()
    before = shop.in_shop(bad)
    _make_unreadable(shop.sim, bad)

    with shop.told() as told:
        report = shop.sync(full=True)

    assert (report.status, report.failed) == ("partial", 1)
    assert told == []
    assert shop.in_shop(bad) == before


def test_a_product_with_odd_tax_ids_does_not_end_the_run(shop: ConnectedShop) -> None:
    bad, good = shop.ordinary(2)
    page = {
        "Products": [
            _raw_product(bad, shop.sim.location_id, taxes=7),
            _raw_product(good, shop.sim.location_id, taxes=[]),
        ],
        "TaxRates": [],
    }
    shop.sim.faults.add(FEED, action="garbage", body=json.dumps(page), times=None)

    report = shop.sync()

    assert report.status in ("succeeded", "partial")
    assert shop.in_shop(good)["name"] == "A product"


def _raw_product(product_id: str, location_id: int, *, taxes: object) -> dict[str, object]:
    return {
        "ProductId": product_id,
        "Name": "A product",
        "LifeCycle": "Active",
        "IsArchived": False,
        "IsNonStock": False,
        "MeasurementType": "SingleUnit",
        "Prices": [{"LocationId": location_id, "Price": 5}],
        "ApplicableTaxRates": taxes,
    }


def test_a_product_the_host_refuses_fails_alone_with_the_hosts_reason(
    any_shop: ConnectedShop,
) -> None:
    bad, good = any_shop.ordinary(2)
    any_shop.shop.host.refused_products[bad] = "The brand is not allowed in this shop."

    first = any_shop.sync()

    assert (first.status, first.failed) == ("partial", 1)
    assert good in any_shop.shop.products()
    reasons = [i.reason for i in first.issues if i.cova_product_id == bad]
    assert reasons == ["The brand is not allowed in this shop."]
    assert any_shop.state().cursor is None

    any_shop.shop.host.refused_products.clear()
    second = any_shop.sync()

    assert (second.status, second.created, second.failed) == ("succeeded", 1, 0)
    assert bad in any_shop.shop.products()
    assert any_shop.product(bad).last_error == ""


def test_a_refused_change_is_told_again_though_cova_did_not_change(shop: ConnectedShop) -> None:
    shop.sync()
    (bad,) = shop.ordinary()
    shop.sim.register.set_price(bad, 77)
    shop.shop.host.refused_products[bad] = "Not now."
    assert shop.sync().status == "partial"
    assert shop.in_shop(bad)["price"] != "77"

    shop.shop.host.refused_products.clear()
    report = shop.sync()

    assert (report.status, report.updated) == ("succeeded", 1)
    assert shop.in_shop(bad)["price"] == "77"


def test_a_product_the_host_stumbles_over_fails_alone(any_shop: ConnectedShop) -> None:
    bad, good = any_shop.ordinary(2)
    any_shop.shop.host.broken_products.add(bad)

    first = any_shop.sync()

    assert (first.status, first.failed) == ("partial", 1)
    assert set(any_shop.shop.products()) == {
        each for each, row in any_shop.known().items() if row.host_state == "shown"
    }
    assert good in any_shop.shop.products()
    assert any_shop.product(bad).is_dirty

    any_shop.shop.host.broken_products.clear()
    assert any_shop.sync().created == 1
    assert bad in any_shop.shop.products()


class _StrictTable(ShopHost):
    """A host whose own table refuses some products, with an error of the database."""

    refused_by_table: str = ""

    def _apply(self, store_id: str, change: ProductChange) -> ApplyResult:
        if change.cova_product_id == self.refused_by_table:
            self.db.session.execute(
                sa.insert(ShopProduct).values(store_id=None, cova_product_id="x", fields={})
            )
        return super()._apply(store_id, change)


def test_a_product_the_hosts_table_refuses_fails_alone(any_shop: ConnectedShop) -> None:
    """A value the host's column does not take is this product's trouble, not the database's."""
    bad, good = any_shop.ordinary(2)
    host = any_shop.shop.host
    host.__class__, host.refused_by_table = _StrictTable, bad  # type: ignore[attr-defined]

    report = any_shop.sync()

    assert (report.status, report.failed) == ("partial", 1)
    assert good in any_shop.shop.products()


class _Forgetful(ShopHost):
    forgotten: str = ""

    def apply_products(self, store_id, changes):  # type: ignore[no-untyped-def]
        results = super().apply_products(store_id, changes)
        return [each for each in results if each.cova_product_id != self.forgotten]


def test_a_product_the_host_does_not_answer_for_counts_as_failed(shop: ConnectedShop) -> None:
    (bad,) = shop.ordinary()
    host = shop.shop.host
    host.__class__, host.forgotten = _Forgetful, bad  # type: ignore[attr-defined]

    report = shop.sync()

    assert (report.status, report.failed) == ("partial", 1)
    assert shop.product(bad).host_state == "absent"


def test_bad_products_in_several_batches_leave_all_others(sqlite_url: str, sim: Simulator) -> None:
    for number in range(150):
        sim.register.add_product(name=f"Extra {number}", price=5, stock=5)
    ids = list(sim.state.products)
    with connected_shop(sqlite_url, sim) as shop:
        shop.shop.host.broken_products |= {ids[-1], ids[-120]}

        report = shop.sync()

        assert (report.status, report.failed) == ("partial", 2)
        assert report.created == len(shop.shop.products())
        assert len([i for i in ids[-150:] if i in shop.shop.products()]) == 148
