"""Where shop, plugin and COVA differ, each difference is found, explained, and can be put right."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from aiq_cova_plugin.errors import IllegalMove
from aiq_cova_plugin.services.compare.put_right import free_stock
from aiq_cova_plugin.services.compare.reconcile import KEPT_PER_KIND, reconcile, shortened
from aiq_cova_plugin.services.orders.enqueue_order import withdraw_order
from aiq_cova_plugin.services.rescue.enter_by_hand import enter_by_hand
from aiq_cova_plugin.services.rescue.rescue_orders import cancel_order
from aiq_cova_plugin.simulator import Simulator
from aiq_cova_plugin.store import holds, outbox
from aiq_cova_plugin.store.audit import entries_of

from tests.support.connected import ConnectedShop
from tests.support.shop import ShopProduct

PLACED = ["aiq.order-placed"]
CONFIRMED = ["aiq.order-placed", "aiq.order-confirmed"]


def compare(shop: ConnectedShop) -> dict[str, Any]:
    with shop.shop.app.app_context():
        return reconcile(shop.shop.services, "s1")


def kinds(shop: ConnectedShop) -> dict[str, dict[str, Any]]:
    """dict: kind → a difference of it."""
    return {each["kind"]: each for each in compare(shop)["differences"]}


def let_the_shop_say_what_it_has(shop: ConnectedShop) -> None:
    def current_products(
        store_id: str, product_ids: Sequence[str]
    ) -> Mapping[str, Mapping[str, Any]]:
        known = shop.shop.products(store_id)
        return {each: known[each] for each in product_ids if each in known}

    shop.shop.host.current_products = current_products  # type: ignore[attr-defined]


def edit_in_shop(shop: ConnectedShop, product_id: str, **fields: Any) -> None:
    """Somebody changes the product in the shop."""
    with shop.shop.app.app_context():
        row = shop.shop.db.session.get_one(ShopProduct, ("s1", product_id))
        row.fields = {**row.fields, **fields}
        shop.shop.db.session.commit()


@pytest.fixture
def quiet(shop: ConnectedShop) -> ConnectedShop:
    """After a whole sync, with a shop that can tell what it has."""
    shop.sync(full=True)
    let_the_shop_say_what_it_has(shop)
    return shop


def test_after_a_quiet_sync_all_three_agree(quiet: ConnectedShop) -> None:
    assert compare(quiet) == {"store_id": "s1", "agrees": True, "differences": []}


# --- products -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "happens"),
    [
        ("stock_differs", lambda sim, each: sim.register.set_stock(each, 1)),
        ("price_differs", lambda sim, each: sim.register.set_price(each, "77.70")),
        ("product_still_shown", lambda sim, each: sim.register.archive(each)),
        ("product_not_in_shop", lambda sim, _each: sim.register.add_product(name="Added")),
    ],
)
def test_what_changed_in_cova_is_found_and_a_sync_puts_it_right(
    quiet: ConnectedShop, kind: str, happens: Callable[[Simulator, str], object]
) -> None:
    (product_id,) = quiet.ordinary()
    happens(quiet.sim, product_id)

    found = kinds(quiet)
    quiet.sync()

    assert set(found) == {kind}
    assert found[kind]["action"] == "sync"
    assert found[kind]["cause"]
    assert found[kind]["name"]
    assert compare(quiet)["agrees"] is True


def test_a_product_that_came_back_is_found(quiet: ConnectedShop) -> None:
    (product_id,) = quiet.ordinary()
    quiet.sim.register.archive(product_id)
    quiet.sync()
    assert compare(quiet)["agrees"] is True
    quiet.sim.register.restore(product_id)

    assert set(kinds(quiet)) == {"product_hidden"}


def test_what_somebody_edited_in_the_shop_is_found(quiet: ConnectedShop) -> None:
    counted, priced = quiet.ordinary(2)
    edit_in_shop(quiet, counted, quantity="99")
    edit_in_shop(quiet, priced, price="1.00", name="Renamed in the shop")

    found = kinds(quiet)

    assert set(found) == {"shop_quantity_differs", "shop_price_differs", "shop_name_differs"}
    assert found["shop_quantity_differs"]["host"] == "99"
    assert found["shop_quantity_differs"]["cova_product_id"] == counted
    assert found["shop_name_differs"]["host"] == "Renamed in the shop"


def test_what_staff_own_or_lock_is_theirs(quiet: ConnectedShop) -> None:
    owned, locked = quiet.ordinary(2)
    quiet.let_staff_own("price")
    quiet.sync()
    quiet.change(locked, is_locked=True)
    edit_in_shop(quiet, owned, price="1.00")
    edit_in_shop(quiet, locked, name="Ours")
    quiet.sim.register.set_price(owned, "55.00")

    found = compare(quiet)

    assert found["agrees"] is True
    said = {each["cova_product_id"]: each for each in found["on_purpose"]}
    assert set(said) == {owned, locked}
    assert said[owned]["host"] == "Price: 1.00"
    assert said[owned]["cova"].startswith("Price: 55")
    assert said[locked]["host"] == "Name: Ours"
    assert "locked" in said[locked]["cause"]


def test_what_staff_excluded_is_said_and_is_no_difference(quiet: ConnectedShop) -> None:
    (product_id,) = quiet.ordinary()
    quiet.change(product_id, is_excluded=True)
    quiet.sync()

    found = compare(quiet)

    assert found["agrees"] is True
    (one,) = found["on_purpose"]
    assert (one["kind"], one["cova_product_id"]) == ("kept_off_menu", product_id)
    assert shortened(found)["number_on_purpose"] == 1


def test_a_product_removed_in_the_shop_is_found(quiet: ConnectedShop) -> None:
    (product_id,) = quiet.ordinary()
    with quiet.shop.app.app_context():
        session = quiet.shop.db.session
        session.delete(session.get_one(ShopProduct, ("s1", product_id)))
        session.commit()

    found = kinds(quiet)

    assert set(found) == {"product_missing_in_shop"}
    assert "exclude" in found["product_missing_in_shop"]["fix"]


def test_a_shop_that_fails_at_saying_leaves_the_rest_compared(quiet: ConnectedShop) -> None:
    def fail(_store_id: str, _ids: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        raise RuntimeError("the shop stumbles")

    quiet.shop.host.current_products = fail  # type: ignore[attr-defined]
    quiet.sim.register.set_stock(quiet.ordinary()[0], 1)

    document = compare(quiet)

    assert [each["kind"] for each in document["differences"]] == ["stock_differs"]
    assert document["not_compared"]


# --- orders and holds -----------------------------------------------------------------------------


@pytest.fixture
def selling(shop: ConnectedShop) -> ConnectedShop:
    """A shop that sends orders; nothing takes them to COVA unless a test does."""
    shop.change_settings(sync_orders=True)
    shop.sync(full=True)
    return shop


def place(shop: ConnectedShop, order_id: str, *, quantity: str = "1", **more: Any) -> str:
    (product_id,) = shop.ordinary()
    shop.sim.register.set_stock(product_id, 20)
    shop.sync()
    lines = [(product_id, "x", quantity, "10.00")]
    shop.shop.place(order_id, lines, send=more.get("send", CONFIRMED))
    return product_id


def change_push(shop: ConnectedShop, order_id: str, **values: Any) -> None:
    services = shop.shop.services
    with shop.shop.app.app_context(), services.database.short() as connection:
        push = outbox.push_of_order(connection, "s1", order_id)
        assert push is not None
        outbox.change_push(connection, push.id, values)


def test_an_order_that_has_just_been_queued_is_no_difference(selling: ConnectedShop) -> None:
    place(selling, "1")

    assert compare(selling)["agrees"] is True


def test_an_order_that_waits_for_a_person_brings_its_own_reason_and_way_out(
    selling: ConnectedShop,
) -> None:
    place(selling, "1")
    change_push(selling, "1", state="needs_attention", reason="No phone.", fix="Ask for one.")

    found = kinds(selling)

    assert set(found) == {"order_needs_person"}
    one = found["order_needs_person"]
    assert (one["cause"], one["fix"], one["action"]) == ("No phone.", "Ask for one.", "retry")
    assert (one["name"], one["order_id"]) == ("WEB-1", "1")


def test_an_order_with_several_possible_customers_cannot_just_be_retried(
    selling: ConnectedShop,
) -> None:
    place(selling, "1")
    change_push(selling, "1", state="needs_attention", kind="AmbiguousCustomer")

    assert kinds(selling)["order_needs_person"]["action"] == ""


def test_an_order_that_should_be_there_by_now_is_late(selling: ConnectedShop) -> None:
    place(selling, "1")
    selling.clock.advance(timedelta(minutes=16).total_seconds())

    assert set(kinds(selling)) == {"order_late"}


def test_an_order_withdrawn_by_staff_and_confirmed_in_the_shop_is_found(
    selling: ConnectedShop,
) -> None:
    place(selling, "1")
    place(selling, "2")
    with selling.shop.app.app_context():
        services = selling.shop.services
        for order_id, by_staff in (("1", True), ("2", False)):
            with services.database.short() as connection:
                push = outbox.push_of_order(connection, "s1", order_id)
            assert push is not None
            if by_staff:
                cancel_order(services, push, by="Robin Quay")
            else:
                with services.database.job_transaction():
                    withdraw_order(services, "s1", order_id)

    found = compare(selling)

    assert [(each["kind"], each["order_id"]) for each in found["differences"]] == [
        ("order_withdrawn", "1")
    ]
    assert "Cancel it in the shop" in found["differences"][0]["fix"]


def test_an_order_entered_by_hand_is_said_to_be_the_shops_to_complete(
    selling: ConnectedShop,
) -> None:
    place(selling, "1")
    change_push(selling, "1", state="needs_attention", reason="No phone.", fix="Ask for one.")
    with selling.shop.app.app_context():
        services = selling.shop.services
        with services.database.short() as connection:
            push = outbox.push_of_order(connection, "s1", "1")
        assert push is not None
        enter_by_hand(services, push, by="Robin Quay", note="", sold=True)

    found = compare(selling)

    assert found["agrees"] is True
    (one,) = found["on_purpose"]
    assert (one["kind"], one["order_id"]) == ("entered_by_hand", "1")


def test_an_order_the_shop_deleted_is_found(selling: ConnectedShop) -> None:
    from tests.support.shop import ShopOrder

    place(selling, "1")
    with selling.shop.app.app_context():
        session = selling.shop.db.session
        session.delete(session.get_one(ShopOrder, ("s1", "1")))
        session.commit()

    assert set(kinds(selling)) == {"order_missing_in_shop"}


@pytest.mark.parametrize(
    ("held", "kind"), [("1", "hold_missing"), ("9", "hold_too_large"), (None, "hold_missing")]
)
def test_a_hold_that_is_not_what_the_order_wants_is_found(
    selling: ConnectedShop, held: str | None, kind: str
) -> None:
    product_id = place(selling, "1", quantity="3")
    services = selling.shop.services
    with selling.shop.app.app_context(), services.database.short() as connection:
        quantities = {} if held is None else {product_id: Decimal(held)}
        now = selling.clock.now()
        holds.replace_holds(connection, "s1", "1", quantities, now=now)

    found = kinds(selling)

    assert kind in found
    assert (found[kind]["host"], found[kind]["plugin"]) == ("3", held or "0")


def test_a_hold_that_never_settles_is_found(selling: ConnectedShop) -> None:
    place(selling, "1")
    change_push(selling, "1", state="completed")
    selling.settle("1")
    selling.clock.advance(timedelta(hours=25).total_seconds())

    found = kinds(selling)

    assert set(found) - {"sale_price_differs"} == {"hold_never_settles"}
    assert found["hold_never_settles"]["action"] == "sync"


def test_stock_of_an_order_that_will_not_come_is_freed_at_the_press_of_a_button(
    shop: ConnectedShop,
) -> None:
    shop.sync(full=True)
    product_id = place(shop, "1", send=PLACED)
    shop.clock.advance(timedelta(hours=25).total_seconds())
    before = shop.quantity(product_id)
    assert kinds(shop)["hold_without_order"]["action"] == "free_stock"

    with shop.shop.app.app_context():
        number = free_stock(shop.shop.services, "s1", "1", by="Robin Example")
        again = free_stock(shop.shop.services, "s1", "1", by="Robin Example")

    assert (number, again) == (1, 0)
    assert shop.quantity(product_id) == before + 1
    assert set(kinds(shop)) <= {"sale_price_differs"}, "a day later, sales have ended"
    with shop.shop.app.app_context(), shop.shop.services.database.short() as connection:
        acts = entries_of(connection, "s1")
    on_record = [(act.action, act.subject, act.actor) for act in acts]
    assert on_record.count(("stock_freed", "1", "Robin Example")) == 1


def test_stock_of_an_open_order_is_not_freed(selling: ConnectedShop) -> None:
    product_id = place(selling, "1")
    before = selling.quantity(product_id)

    with selling.shop.app.app_context(), pytest.raises(IllegalMove) as refused:
        free_stock(selling.shop.services, "s1", "1", by="Robin Example")

    assert "Withdraw" in refused.value.fix
    assert selling.quantity(product_id) == before


def test_another_total_at_the_register_is_found(selling: ConnectedShop, sim: Simulator) -> None:
    from aiq_cova_plugin.services.orders.push_orders import push_due_orders

    place(selling, "1")
    with selling.shop.app.app_context():
        push_due_orders(selling.shop.services, "s1")
    assert "order_total_differs" not in kinds(selling)
    change_push(selling, "1", host_total=Decimal("9999.00"))

    found = kinds(selling)

    assert found["order_total_differs"]["host"] == "9999.00"
    assert found["order_total_differs"]["cova"] != "9999.00"


# --- size -----------------------------------------------------------------------------------------


def test_a_large_difference_is_counted_whole_and_kept_in_part() -> None:
    found = [{"kind": "stock_differs", "subject": str(number)} for number in range(10_000)]
    found.append({"kind": "order_late", "subject": "1"})

    short = shortened({"store_id": "s1", "agrees": False, "differences": found})

    assert short["counts"] == {"stock_differs": 10_000, "order_late": 1}
    assert len(short["differences"]) == KEPT_PER_KIND + 1
