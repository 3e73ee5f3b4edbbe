"""The first sync, the ones after it, and what an unchanged shop costs."""

from __future__ import annotations

from decimal import Decimal

from aiq_cova_plugin import signals
from aiq_cova_plugin.simulator import Simulator

from tests.support.connected import FEED, ConnectedShop


def _on_the_menu(sim: Simulator) -> set[str]:
    """Active products with a price: what a shop may show."""
    return {
        product.id
        for product in sim.state.products.values()
        if product.lifecycle == "Active"
        and not product.is_archived
        and not product.is_non_stock
        and product.regular_price(sim.location_id) is not None
    }


def test_the_first_sync_creates_every_product_that_may_be_sold_and_no_other(
    any_shop: ConnectedShop,
) -> None:
    report = any_shop.sync()

    wanted = _on_the_menu(any_shop.sim)
    assert (report.status, report.mode) == ("succeeded", "full")
    assert set(any_shop.shop.products()) == wanted
    assert (report.created, report.failed, report.fetched) == (len(wanted), 0, 40)
    assert report.unchanged == 40 - len(wanted)


def test_what_the_shop_shows_is_what_cova_says(shop: ConnectedShop) -> None:
    shop.sync()

    for product_id in shop.ordinary(5):
        product = shop.sim.state.products[product_id]
        shown = shop.in_shop(product_id)
        assert Decimal(shown["price"]) == product.regular_price(shop.sim.location_id)
        assert Decimal(shown["quantity"]) == product.quantity(shop.sim.location_id)
        assert shown["sku"] == product.catalog_sku
        assert shown["enabled"] is True
        assert shown["sale_price"] is None


def test_stock_of_back_rooms_and_of_the_other_location_is_not_for_sale(shop: ConnectedShop) -> None:
    (product_id,) = shop.ordinary()
    sim = shop.sim
    back_room = next(
        room.id
        for room in sim.account.rooms
        if room.location_id == sim.location_id and not room.is_selling
    )
    sim.register.set_stock(product_id, 3)
    sim.register.set_stock(product_id, 50, room_id=back_room)
    sim.register.set_stock(product_id, 70, location_id=sim.second_location_id)

    shop.sync()

    assert shop.quantity(product_id) == 3


def test_price_sale_tax_labs_certificate_and_names_reach_the_shop(shop: ConnectedShop) -> None:
    register = shop.sim.register
    product_id = register.add_product(
        name="Night Harbour 3.5g",
        price="40.00",
        stock=7,
        classification="Flower > Indica",
        specifications={
            "Brand": "Harbour Farms",
            "Strain": "Night Harbour",
            "COA": "https://labs.example/coa/9.pdf",
        },
    )
    register.set_specification(product_id, "THCa", "24.1", type="Float", unit="%")
    register.put_on_sale(product_id, "30.00")

    shop.sync()

    shown = shop.in_shop(product_id)
    assert shown["name"] == "Night Harbour 3.5g"
    assert shown["brand"] == "Harbour Farms"
    assert (shown["price"], shown["sale_price"], shown["quantity"]) == ("40", "30", "7")
    assert shown["coa_url"] == "https://labs.example/coa/9.pdf"
    assert 'href="https://labs.example/coa/9.pdf"' in shown["description"]
    assert shown["labs"] == [
        {"name": "THCa", "value": "24.1", "max_value": None, "unit": "%", "text": ""}
    ]
    assert {rate["rate"] for rate in shown["tax_rates"]} == {"0.05", "0.1"}
    assert shown["category_id"] == "1", "Flower"


def test_a_changed_tax_rate_reaches_products_that_did_not_change_themselves(
    shop: ConnectedShop,
) -> None:
    (product_id,) = shop.ordinary()
    shop.sync()
    rates = shop.sim.state.tax_rates
    rates[0] = rates[0].__class__(**{**vars(rates[0]), "rate": Decimal("0.06")})

    shop.sync(full=True)

    assert "0.06" in {rate["rate"] for rate in shop.in_shop(product_id)["tax_rates"]}


def test_a_sync_after_which_nothing_changed_writes_nothing(any_shop: ConnectedShop) -> None:
    any_shop.sync()
    before = any_shop.known()
    calls = any_shop.calls()
    any_shop.clock.advance(600)

    with any_shop.told() as told:
        report = any_shop.sync()

    after = any_shop.known()
    assert (report.status, report.mode) == ("succeeded", "incremental")
    assert told == []
    assert {each: row.updated_at for each, row in after.items()} == {
        each: row.updated_at for each, row in before.items()
    }
    assert any_shop.calls() - calls <= 2, "one page of changes, nothing asked twice"
    assert report.api_calls == any_shop.calls() - calls


def test_a_full_pass_over_an_unchanged_menu_writes_nothing_either(shop: ConnectedShop) -> None:
    shop.sync()
    before = {each: row.updated_at for each, row in shop.known().items()}

    with shop.told() as told:
        report = shop.sync(full=True)

    assert told == []
    assert (report.unchanged, report.fetched) == (40, 40)
    assert {each: row.updated_at for each, row in shop.known().items()} == before


def test_an_increment_reads_and_tells_what_changed_and_nothing_else(
    any_shop: ConnectedShop,
) -> None:
    any_shop.sync()
    sim = any_shop.sim
    sim.clock.advance(3600)
    priced, counted = any_shop.ordinary(2)
    sim.register.set_price(priced, "99.50")
    sim.register.set_stock(counted, 2)
    feed_calls = any_shop.calls(FEED)

    with any_shop.told() as told:
        report = any_shop.sync()

    assert (report.mode, report.updated, report.fetched) == ("incremental", 2, 2)
    assert any_shop.calls(FEED) == feed_calls, "the whole menu is not read again"
    fields = {change.cova_product_id: change.fields for change in told}
    assert set(fields) == {priced, counted}
    assert fields[priced]["price"] == Decimal("99.50")
    assert fields[counted]["quantity"] == Decimal(2)
    assert {change.action for change in told} == {"update"}


def test_a_product_added_later_is_created_by_an_increment(shop: ConnectedShop) -> None:
    shop.sync()
    shop.sim.clock.advance(3600)
    product_id = shop.sim.register.add_product(name="Newcomer", price=12, stock=4)

    report = shop.sync()

    assert report.created == 1
    assert shop.in_shop(product_id)["name"] == "Newcomer"


def test_a_repeated_sync_of_the_same_changes_changes_nothing_more(shop: ConnectedShop) -> None:
    """Increments overlap by minutes, so the same change is read twice."""
    shop.sync()
    (product_id,) = shop.ordinary()
    shop.sim.register.rename(product_id, "Renamed")
    first = shop.sync()

    with shop.told() as told:
        again = shop.sync()

    assert (first.updated, again.updated) == (1, 0)
    assert again.fetched >= 1, "it was read again"
    assert told == []


def test_every_product_of_the_feed_is_asked_for_in_pages(sqlite_url: str, sim: Simulator) -> None:
    from tests.support.connected import connected_shop

    with connected_shop(sqlite_url, sim, COVA_PAGE_SIZE=7) as shop:
        report = shop.sync()

        assert report.fetched == 40
        assert shop.calls(FEED) >= 6
        assert set(shop.shop.products()) == _on_the_menu(sim)
        assert shop.runs()[0].pages >= 6


def test_what_could_not_be_used_is_told_once_per_product(shop: ConnectedShop) -> None:
    """A full pass reads the latest changes a second time; its issues must not double."""
    product_id = shop.sim.register.add_product(name="Odd sale", price=10, stock=1)
    shop.sim.register.put_on_sale(product_id, 5, recurrence={"DaysOfWeek": ["Friday"]})

    report = shop.sync()

    mine = [issue for issue in report.issues if issue.cova_product_id == product_id]
    assert [issue.field for issue in mine] == ["sale_price"]
    assert report.status == "succeeded", "what cannot be understood is an issue, not a failure"
    assert len(shop.issues(report.run_id)) == len(report.issues)


def test_the_run_is_recorded_with_numbers_and_cursor(shop: ConnectedShop) -> None:
    report = shop.sync()
    again = shop.sync()

    newest, oldest = shop.runs()
    assert (oldest.id, newest.id) == (report.run_id, again.run_id)
    assert (oldest.status, oldest.mode, oldest.created) == ("succeeded", "full", report.created)
    assert oldest.cursor_before is None
    assert oldest.cursor_after == newest.cursor_before is not None
    assert oldest.finished_at is not None
    assert oldest.api_calls == report.api_calls > 0


def test_the_host_hears_how_a_sync_went(shop: ConnectedShop) -> None:
    heard = []

    def listen(_sender: object, **keywords: object) -> None:
        heard.append(keywords)

    with signals.catalog_synced.connected_to(listen, sender=shop.shop.app):
        report = shop.sync()

    assert heard == [
        {
            "store_id": "s1",
            "run_id": report.run_id,
            "created": report.created,
            "updated": 0,
            "hidden": 0,
            "unchanged": report.unchanged,
            "failed": 0,
        }
    ]


def test_a_listener_that_fails_changes_nothing(shop: ConnectedShop) -> None:
    def stumble(_sender: object, **_keywords: object) -> None:
        raise RuntimeError("a stranger's bug")

    with signals.catalog_synced.connected_to(stumble, sender=shop.shop.app):
        assert shop.sync().status == "succeeded"


def test_two_stores_of_one_shop_have_menus_of_their_own(shop: ConnectedShop) -> None:
    sim = shop.sim
    told = sim.connection()
    shop.shop.cova.connect_store(
        shop.shop.app,
        "s2",
        check=False,
        enabled=True,
        **{
            name: told[name]
            for name in ("company_id", "username", "password", "client_id", "client_secret")
        },
        location_id=sim.second_location_id,
    )
    (product_id,) = shop.ordinary()
    sim.register.set_stock(product_id, 5)
    sim.register.set_stock(product_id, 9, location_id=sim.second_location_id)

    shop.sync()
    shop.sync(store_id="s2")

    assert shop.quantity(product_id) == 5
    assert shop.shop.products("s2")[product_id]["quantity"] == "9"
