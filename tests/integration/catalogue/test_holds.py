"""Holds: what is promised to orders is never sold twice, and the shop knows it at once."""

from __future__ import annotations

import logging
from decimal import Decimal

import pytest
import sqlalchemy as sa
from blinker import signal
from sqlalchemy import event

from aiq_cova_plugin.host import InsufficientStock, OrderLine
from aiq_cova_plugin.simulator import Simulator

from tests.support.connected import FEED, ConnectedShop, connected_shop
from tests.support.shop import ADA, Shop, ShopOrder, ShopProduct

PLACED, CONFIRMED, CANCELLED = "aiq.order-placed", "aiq.order-confirmed", "aiq.order-cancelled"


@pytest.fixture
def stocked(any_shop: ConnectedShop) -> ConnectedShop:
    """Two products with ten pieces each."""
    for product_id in any_shop.ordinary(2):
        any_shop.sim.register.set_stock(product_id, 10)
    any_shop.sync()
    return any_shop


def _line(product_id: str, quantity: str) -> tuple[str, str, str, str]:
    return (product_id, "A product", quantity, "10.00")


def _reserve(shop: ConnectedShop, order_id: str, *lines: tuple[str, str]) -> None:
    """Reserve and commit, as a checkout does."""
    with shop.shop.app.app_context():
        shop.shop.cova.reserve(
            "s1",
            order_id,
            [OrderLine(product, "x", Decimal(quantity), Decimal(1)) for product, quantity in lines],
        )
        shop.shop.db.session.commit()


# --- signals --------------------------------------------------------------------------------------


def test_a_placed_order_is_held_and_the_shop_shows_less_at_once(stocked: ConnectedShop) -> None:
    first, second = stocked.ordinary(2)
    calls = stocked.calls()

    stocked.shop.place("o1", [_line(first, "3"), _line(second, "1")], send=[PLACED])

    assert stocked.quantity(first) == 7
    assert stocked.quantity(second) == 9
    assert {(h.cova_product_id, h.quantity, h.state) for h in stocked.holds()} == {
        (first, Decimal(3), "active"),
        (second, Decimal(1), "active"),
    }
    assert stocked.calls() == calls, "a receiver calls nobody"


def test_two_lines_of_one_product_are_held_together(stocked: ConnectedShop) -> None:
    (product_id,) = stocked.ordinary()

    stocked.shop.place(
        "o1", [_line(product_id, "3"), _line(product_id.upper(), "2")], send=[PLACED]
    )

    assert stocked.quantity(product_id) == 5
    assert [hold.quantity for hold in stocked.holds()] == [Decimal(5)]


@pytest.mark.parametrize("again", [PLACED, CONFIRMED])
def test_a_second_signal_holds_nothing_more(stocked: ConnectedShop, again: str) -> None:
    (product_id,) = stocked.ordinary()
    stocked.shop.place("o1", [_line(product_id, "3")], send=[PLACED])

    with stocked.told() as told:
        stocked.shop.send(again, "o1")

    assert told == []
    assert stocked.quantity(product_id) == 7


def test_a_confirmed_order_that_was_never_placed_is_held_all_the_same(
    stocked: ConnectedShop,
) -> None:
    (product_id,) = stocked.ordinary()

    stocked.shop.place("o1", [_line(product_id, "4")], send=[CONFIRMED])

    assert stocked.quantity(product_id) == 6


def test_a_cancelled_order_gives_everything_back_once(stocked: ConnectedShop) -> None:
    (product_id,) = stocked.ordinary()
    stocked.shop.place("o1", [_line(product_id, "3")], send=[PLACED])

    stocked.shop.send(CANCELLED, "o1")
    assert stocked.quantity(product_id) == 10
    assert stocked.holds() == []

    with stocked.told() as told:
        stocked.shop.send(CANCELLED, "o1")
    assert told == []


@pytest.mark.parametrize("late", [PLACED, CONFIRMED])
def test_a_signal_that_comes_after_the_cancel_holds_nothing(
    stocked: ConnectedShop, late: str
) -> None:
    (product_id,) = stocked.ordinary()
    stocked.shop.place("o1", [_line(product_id, "3")], send=[PLACED, CANCELLED])

    stocked.shop.send(late, "o1")

    assert stocked.quantity(product_id) == 10
    assert stocked.holds() == []


def test_a_cancel_that_overtakes_the_order_leaves_no_hold_behind(stocked: ConnectedShop) -> None:
    (product_id,) = stocked.ordinary()
    stocked.shop.place("o1", [_line(product_id, "3")], send=[CANCELLED])

    stocked.shop.send(PLACED, "o1")

    assert stocked.quantity(product_id) == 10
    assert stocked.holds() == []


def test_an_order_larger_than_the_stock_is_held_and_nothing_goes_below_zero(
    stocked: ConnectedShop,
) -> None:
    """It is placed already: refusing is no longer possible, selling more would be worse."""
    first, second = stocked.ordinary(2)

    stocked.shop.place("o1", [_line(first, "25"), _line(second, "10")], send=[PLACED])

    assert stocked.quantity(first) == 0
    assert stocked.quantity(second) == 0
    stocked.sync(full=True)
    assert stocked.quantity(first) == 0


def test_lines_without_a_product_or_quantity_are_no_trouble(stocked: ConnectedShop) -> None:
    (product_id,) = stocked.ordinary()

    stocked.shop.place(
        "o1",
        [("", "A tip", "1", "5.00"), _line(product_id, "0"), _line("unknown-product", "2")],
        send=[PLACED],
    )

    assert stocked.quantity(product_id) == 10
    assert [hold.cova_product_id for hold in stocked.holds()] == ["unknown-product"]


def test_a_signal_of_a_store_that_is_not_connected_does_nothing(stocked: ConnectedShop) -> None:
    (product_id,) = stocked.ordinary()

    stocked.shop.place("o1", [_line(product_id, "3")], store_id="s2", send=[PLACED, CONFIRMED])

    assert stocked.holds() == []


def test_a_signal_of_another_app_is_not_ours(stocked: ConnectedShop) -> None:
    (product_id,) = stocked.ordinary()
    stocked.shop.place("o1", [_line(product_id, "3")], send=[])

    with stocked.shop.app.app_context():
        signal(PLACED).send(object(), store_id="s1", order_id="o1")
        stocked.shop.db.session.commit()

    assert stocked.holds() == []


def test_signals_sent_before_commit_work_while_the_host_holds_the_write_lock(
    stocked: ConnectedShop,
) -> None:
    """A host may send from SQLAlchemy's `before_commit`, in the middle of its own writing."""
    (product_id,) = stocked.ordinary()
    app, db = stocked.shop.app, stocked.shop.db

    with app.app_context():
        session = db.session()
        session.add(_order("o1", product_id, "3"))
        session.flush()  # SQLite's one write lock is ours from here on

        @event.listens_for(session, "before_commit", once=True)
        def send(_session: object) -> None:
            for name in (PLACED, CONFIRMED):
                signal(name).send(app, store_id="s1", order_id="o1")

        session.commit()

    assert stocked.quantity(product_id) == 7
    assert [hold.order_id for hold in stocked.holds()] == ["o1"]


def _order(order_id: str, product_id: str, quantity: str) -> ShopOrder:
    return ShopOrder(
        store_id="s1",
        order_id=order_id,
        status="confirmed",
        confirmed_at="2026-01-01T00:00:00+00:00",
        document={
            "number": order_id,
            "customer": ADA,
            "lines": [list(_line(product_id, quantity))],
            "delivery": None,
        },
    )


def test_what_the_host_rolls_back_was_never_held(stocked: ConnectedShop) -> None:
    (product_id,) = stocked.ordinary()
    app, db = stocked.shop.app, stocked.shop.db

    with app.app_context():
        db.session.add(_order("o1", product_id, "3"))
        db.session.flush()
        signal(PLACED).send(app, store_id="s1", order_id="o1")
        stocked.shop.cova.reserve("s1", "o2", [OrderLine(product_id, "x", Decimal(2), Decimal(1))])
        db.session.rollback()

    assert stocked.holds() == []
    assert stocked.quantity(product_id) == 10
    assert stocked.product(product_id).applied["quantity"] == "10"


# --- a receiver never raises into checkout --------------------------------------------------------


def test_a_checkout_goes_through_before_the_tables_are_there(
    database_url: str, sim: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    with connected_shop(database_url, sim) as connected:
        from aiq_cova_plugin.store import schema

        with connected.shop.app.app_context():
            schema.downgrade(connected.shop.db.engine)

        connected.shop.place("o1", [_line("p1", "1")], send=[PLACED, CONFIRMED, CANCELLED])

        assert connected.shop.status("o1") == "confirmed"
    assert {r.message for r in caplog.records if r.levelno >= logging.ERROR} == {
        "signal_not_handled"
    }


def test_a_checkout_goes_through_though_the_catalogue_breaks(
    stocked: ConnectedShop, caplog: pytest.LogCaptureFixture
) -> None:
    (product_id,) = stocked.ordinary()
    stocked.shop.host.broken_products.add(product_id)

    stocked.shop.place("o1", [_line(product_id, "3")], send=[PLACED])

    assert stocked.shop.status("o1") == "confirmed"
    assert [hold.quantity for hold in stocked.holds()] == [Decimal(3)]
    assert stocked.quantity(product_id) == 10, "the shop could not be told"
    assert stocked.product(product_id).is_dirty

    stocked.shop.host.broken_products.clear()
    stocked.sync()
    assert stocked.quantity(product_id) == 7
    assert not stocked.product(product_id).is_dirty


def test_a_checkout_goes_through_though_the_hosts_own_statement_fails(
    stocked: ConnectedShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On PostgreSQL an error spoils the whole transaction, unless there is a savepoint."""
    (product_id,) = stocked.ordinary()
    db = stocked.shop.db

    def stumble(_store_id: str, _changes: object) -> None:
        db.session.execute(sa.text("select * from a_table_that_is_not_there"))

    monkeypatch.setattr(stocked.shop.host, "apply_products", stumble)
    stocked.shop.place("o1", [_line(product_id, "3")], send=[PLACED])

    assert stocked.shop.status("o1") == "confirmed"
    assert [hold.quantity for hold in stocked.holds()] == [Decimal(3)]
    assert stocked.product(product_id).is_dirty


def test_a_checkout_goes_through_though_the_hosts_session_cannot_write_the_product(
    stocked: ConnectedShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failed flush rolls a session back; the order of the same session must not go along."""
    (product_id,) = stocked.ordinary()
    session = stocked.shop.db.session

    def stumble(_store_id: str, _changes: object) -> None:
        session.add(ShopProduct(store_id=None, cova_product_id="x", fields={}))
        session.flush()

    monkeypatch.setattr(stocked.shop.host, "apply_products", stumble)
    stocked.shop.place("o1", [_line(product_id, "3")], send=[PLACED])

    assert stocked.shop.status("o1") == "confirmed"
    assert [hold.quantity for hold in stocked.holds()] == [Decimal(3)]


def test_a_signal_for_an_order_the_host_does_not_have_does_nothing(
    stocked: ConnectedShop,
) -> None:
    stocked.shop.send(PLACED, "no-such-order")
    stocked.shop.send(CONFIRMED, "no-such-order")
    stocked.shop.send(CANCELLED, "no-such-order")

    assert stocked.holds() == []


def test_a_host_that_cannot_tell_its_order_does_not_stop_the_checkout(
    stocked: ConnectedShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(_store_id: str, _order_id: str) -> None:
        raise RuntimeError("the shop is upside down")

    monkeypatch.setattr(stocked.shop.host, "get_order", stumble)
    stocked.shop.place("o1", [_line(stocked.ordinary()[0], "3")], send=[PLACED, CONFIRMED])

    assert stocked.shop.status("o1") == "confirmed"
    assert stocked.holds() == []


# --- reserve --------------------------------------------------------------------------------------


def test_reserve_takes_every_line_or_none_and_names_what_is_short(stocked: ConnectedShop) -> None:
    first, second = stocked.ordinary(2)

    with pytest.raises(InsufficientStock) as refused:
        _reserve(stocked, "o1", (first.upper(), "4"), (second, "11"), ("unknown", "1"))

    assert sorted(refused.value.lines) == sorted(
        [(second, Decimal(11), Decimal(10)), ("unknown", Decimal(1), Decimal(0))]
    )
    assert stocked.holds() == []
    assert stocked.quantity(first) == 10


def test_a_refused_reservation_leaves_the_hosts_transaction_usable(stocked: ConnectedShop) -> None:
    (product_id,) = stocked.ordinary()
    line = OrderLine(product_id, "x", Decimal(11), Decimal(1))

    with stocked.shop.app.app_context():
        stocked.shop.db.session.add(_order("o1", product_id, "11"))
        with pytest.raises(InsufficientStock):
            stocked.shop.cova.reserve("s1", "o1", [line])
        stocked.shop.db.session.commit()

    assert stocked.shop.status("o1") == "confirmed"
    assert stocked.holds() == []


def test_reserving_again_holds_what_the_last_call_said(stocked: ConnectedShop) -> None:
    first, second = stocked.ordinary(2)
    _reserve(stocked, "o1", (first, "9"))
    _reserve(stocked, "o1", (first, "10"))
    assert stocked.quantity(first) == 0

    _reserve(stocked, "o1", (second, "2"))

    assert stocked.quantity(first) == 10
    assert stocked.quantity(second) == 8
    assert {(h.cova_product_id, h.quantity) for h in stocked.holds()} == {(second, Decimal(2))}


def test_signals_after_a_reservation_hold_nothing_more(stocked: ConnectedShop) -> None:
    (product_id,) = stocked.ordinary()
    _reserve(stocked, "o1", (product_id, "4"))

    stocked.shop.place("o1", [_line(product_id, "4")], send=[PLACED, CONFIRMED])

    assert stocked.quantity(product_id) == 6


def test_a_hidden_product_cannot_be_reserved(stocked: ConnectedShop) -> None:
    (product_id,) = stocked.ordinary()
    stocked.sim.register.archive(product_id)
    stocked.sync()

    with pytest.raises(InsufficientStock) as refused:
        _reserve(stocked, "o1", (product_id, "1"))

    assert refused.value.lines == [(product_id, Decimal(1), Decimal(0))]


def test_grams_are_reserved_exactly(stocked: ConnectedShop) -> None:
    product_id = stocked.sim.register.add_product(name="Loose", measurement="Mass", stock="7.0")
    stocked.sync()

    _reserve(stocked, "o1", (product_id, "3.5"))
    _reserve(stocked, "o2", (product_id, "3.4999"))

    assert stocked.quantity(product_id) == Decimal("0.0001")
    with pytest.raises(InsufficientStock):
        _reserve(stocked, "o3", (product_id, "0.0002"))


# --- holds and stock readings ---------------------------------------------------------------------


def test_a_sync_leaves_holds_alone(stocked: ConnectedShop) -> None:
    (product_id,) = stocked.ordinary()
    stocked.shop.place("o1", [_line(product_id, "3")], send=[PLACED])
    stocked.sim.register.set_stock(product_id, 8)

    stocked.sync()

    assert stocked.quantity(product_id) == 5
    assert stocked.product(product_id).stock == 8


def test_a_settling_hold_counts_until_a_stock_reading_that_began_afterwards(
    stocked: ConnectedShop,
) -> None:
    (product_id,) = stocked.ordinary()
    stocked.shop.place("o1", [_line(product_id, "3")], send=[PLACED])
    stocked.clock.advance(10)
    stocked.settle("o1")

    assert stocked.quantity(product_id) == 7, "completed, but the stock does not know it yet"
    stocked.sim.register.sell(product_id, 3)
    stocked.sync()

    assert stocked.quantity(product_id) == 7, "seven in stock, none held"
    assert stocked.holds() == []
    assert stocked.all_holds("o1")[0].state == "released"


def test_a_reading_that_began_before_the_sale_was_completed_frees_nothing(
    stocked: ConnectedShop,
) -> None:
    """COVA answers with the stock of before; the sale is completed while the run goes on."""
    (product_id,) = stocked.ordinary()
    stocked.shop.place("o1", [_line(product_id, "3")], send=[PLACED])
    stocked.sim.register.rename(product_id, "Changed")
    done = []

    def complete(_skip: int) -> None:
        if not done:
            stocked.clock.advance(5)
            stocked.sim.register.sell(product_id, 3)
            done.append(stocked.settle("o1"))

    with stocked.after_each_page(complete):
        stocked.sync()

    assert stocked.in_shop(product_id)["name"] == "Changed"
    assert stocked.product(product_id).stock == 10, "the reading is of before the sale"
    assert stocked.quantity(product_id) == 7
    assert [hold.state for hold in stocked.holds()] == ["settling"]

    stocked.sync()
    assert stocked.quantity(product_id) == 7
    assert stocked.holds() == []


def test_a_settling_product_is_asked_for_though_cova_reports_no_change(
    stocked: ConnectedShop,
) -> None:
    (product_id,) = stocked.ordinary()
    stocked.shop.place("o1", [_line(product_id, "3")], send=[PLACED])
    stocked.sim.switches.update({"updated_by_stock": False})
    stocked.sync()
    stocked.sim.clock.advance(3600)
    stocked.sync()
    stocked.settle("o1")
    stocked.sim.register.sell(product_id, 3)

    stocked.sync()

    assert stocked.quantity(product_id) == 7
    assert stocked.holds() == []


def test_a_reading_without_stock_frees_no_settling_hold(stocked: ConnectedShop) -> None:
    """Freed by a reading that said nothing about stock, the sold pieces would be sold again."""
    (product_id,) = stocked.ordinary()
    stocked.shop.place("o1", [_line(product_id, "3")], send=[PLACED])
    stocked.settle("o1")
    stocked.sim.register.sell(product_id, 3)
    stocked.sim.faults.add(action="nulls", keys=("Availability",), times=None)

    stocked.sync(full=True)

    assert stocked.quantity(product_id) == 7
    assert [hold.state for hold in stocked.holds()] == ["settling"]

    stocked.sim.faults.clear()
    stocked.sync(full=True)
    assert stocked.quantity(product_id) == 7
    assert stocked.holds() == []


def test_a_failed_reading_frees_no_settling_hold(stocked: ConnectedShop) -> None:
    (product_id,) = stocked.ordinary()
    stocked.shop.place("o1", [_line(product_id, "3")], send=[PLACED])
    stocked.settle("o1")
    stocked.sim.faults.add(FEED, action="server_error", times=None)

    assert stocked.sync(full=True).status == "failed"

    assert [hold.state for hold in stocked.holds()] == ["settling"]


def test_a_hold_of_a_product_that_is_staffs_own_quantity_is_not_told(
    stocked: ConnectedShop,
) -> None:
    (product_id,) = stocked.ordinary()
    stocked.let_staff_own("quantity")

    with stocked.told() as told:
        stocked.shop.place("o1", [_line(product_id, "3")], send=[PLACED])

    assert told == []
    assert len(stocked.holds()) == 1


def test_holds_of_two_stores_do_not_mix(sqlite_url: str, sim: Simulator) -> None:
    with connected_shop(sqlite_url, sim) as connected:
        (product_id,) = connected.ordinary()
        connected.sync()
        before = connected.quantity(product_id)
        shop: Shop = connected.shop
        with shop.app.app_context(), shop.services.database.short() as connection:
            from aiq_cova_plugin.store import holds

            holds.take_holds(
                connection, "s2", "o1", {product_id: Decimal(2)}, now=connected.clock.now()
            )

        connected.sync(full=True)

        assert connected.quantity(product_id) == before
