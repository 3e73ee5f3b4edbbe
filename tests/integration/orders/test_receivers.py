"""The shop's signals: harmless to its checkout, whatever happens, and one with its transaction."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from blinker import signal
from flask import Flask
from sqlalchemy import event

from aiq_cova_plugin.receivers import Receivers

from tests.integration.orders.kit import Bench
from tests.support.shop import Shop, ShopOrder

SIGNALS = ("aiq.order-placed", "aiq.order-confirmed", "aiq.order-cancelled")


def _send(bench: Bench, *names: str, order_id: str = "1", store_id: str = "s1") -> None:
    for name in names:
        signal(name).send(bench.shop.app, store_id=store_id, order_id=order_id)


def _add_order(bench: Bench, order_id: str = "1") -> None:
    """The shop's own row, written but not committed."""
    bench.shop.db.session.add(
        ShopOrder(
            store_id="s1",
            order_id=order_id,
            status="confirmed",
            confirmed_at=bench.clock.now().isoformat(),
            document={
                "number": f"WEB-{order_id}",
                "customer": {"first_name": "A", "last_name": "B", "phone": "1", "email": None},
                "lines": [list(line) for line in bench.lines()],
                "delivery": None,
            },
        )
    )
    bench.shop.db.session.flush()


def test_hold_and_push_commit_with_the_order(both: Bench) -> None:
    with both.shop.app.app_context():
        _add_order(both)
        _send(both, "aiq.order-placed", "aiq.order-confirmed")
        both.shop.db.session.commit()

    assert both.row().state == "queued"
    assert [hold["order_id"] for hold in both.holds()] == ["1"]


def test_hold_and_push_roll_back_with_the_order(both: Bench) -> None:
    with both.shop.app.app_context():
        _add_order(both)
        _send(both, "aiq.order-placed", "aiq.order-confirmed")
        both.shop.db.session.rollback()

    assert not both.has_row("1")
    assert both.holds() == []
    with both.shop.app.app_context(), both.ctx.database.short() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM cova_push_event")).scalar() == 0


def test_a_signal_from_before_commit_joins_that_commit(both: Bench) -> None:
    """A host may send while its session is committing and holds the database's write lock."""

    def announce(_session: Any) -> None:
        _send(both, "aiq.order-placed", "aiq.order-confirmed")

    event.listen(both.shop.db.session, "before_commit", announce, once=True)
    with both.shop.app.app_context():
        _add_order(both)
        both.shop.db.session.commit()

    assert both.row().state == "queued"
    assert len(both.holds()) == 1


def test_receivers_call_nobody(both: Bench) -> None:
    both.place("1")
    both.shop.send("aiq.order-cancelled", "1")
    both.place("2")

    assert both.sim.requests() == []


def test_a_signal_works_while_cova_cannot_be_reached(bench: Bench) -> None:
    bench.sim.faults.add(action="timeout_before_effect", times=None)

    bench.place()

    assert bench.row().state == "queued"


@pytest.mark.parametrize("name", SIGNALS)
@pytest.mark.parametrize("trouble", ["unknown_order", "host_fails", "unknown_store", "no_tables"])
def test_nothing_is_ever_raised_into_the_checkout(
    both: Bench, caplog: pytest.LogCaptureFixture, name: str, trouble: str
) -> None:
    """Whatever goes wrong with us, the shop's own order commits."""
    if trouble == "host_fails":

        def fail(store_id: str, order_id: str) -> Any:
            raise RuntimeError("the shop stumbles")

        both.shop.host.get_order = fail  # type: ignore[method-assign]
    if trouble == "no_tables":
        with both.shop.app.app_context(), both.ctx.database.short() as connection:
            connection.execute(sa.text("ALTER TABLE cova_push RENAME TO cova_push_away"))
            connection.execute(sa.text("ALTER TABLE cova_hold RENAME TO cova_hold_away"))

    with caplog.at_level(logging.CRITICAL), both.shop.app.app_context():
        _add_order(both)
        _send(
            both,
            name,
            order_id="nobody" if trouble == "unknown_order" else "1",
            store_id="s9" if trouble == "unknown_store" else "s1",
        )
        both.shop.db.session.commit()

    assert both.shop.status("1") == "confirmed"


def test_a_failing_signal_is_healed_by_the_sweep(both: Bench) -> None:
    get_order = both.shop.host.get_order

    def fail(store_id: str, order_id: str) -> Any:
        raise RuntimeError("the shop stumbles")

    both.shop.host.get_order = fail  # type: ignore[method-assign]
    both.shop.place("1", both.lines())
    assert not both.has_row("1")
    both.shop.host.get_order = get_order  # type: ignore[method-assign]

    assert both.sweep().changed == 1
    both.push()
    both.assert_sent_once(both.row())


@pytest.mark.parametrize(
    "keywords",
    [
        {"store_id": None, "order_id": None},
        {"store_id": "s1", "order_id": 7},
        {"store_id": "s1", "order_id": "x" * 300},
        {"store_id": "s1", "order_id": "1' OR '1'='1"},
        {"store_id": "s1", "order_id": "1", "something": "more"},
    ],
    ids=["none", "number", "long", "quotes", "more"],
)
@pytest.mark.parametrize("name", SIGNALS)
def test_strange_keywords_harm_nobody(
    both: Bench, caplog: pytest.LogCaptureFixture, name: str, keywords: dict[str, Any]
) -> None:
    with caplog.at_level(logging.CRITICAL), both.shop.app.app_context():
        _add_order(both)
        signal(name).send(both.shop.app, **keywords)
        both.shop.db.session.commit()

    assert both.shop.status("1") == "confirmed"


def test_a_signal_of_another_app_is_not_ours(bench: Bench) -> None:
    with bench.shop.app.app_context():
        _add_order(bench)
        signal("aiq.order-confirmed").send(Flask("another"), store_id="s1", order_id="1")
        bench.shop.db.session.commit()

    assert not bench.has_row("1")


def test_a_signal_by_way_of_current_app_is_ours(bench: Bench) -> None:
    from flask import current_app

    with bench.shop.app.app_context():
        _add_order(bench)
        signal("aiq.order-confirmed").send(current_app, store_id="s1", order_id="1")
        bench.shop.db.session.commit()

    assert bench.has_row("1")


def test_receivers_go_with_their_app(bench: Bench) -> None:
    """Signals are global; an app that is gone must not be kept alive, or hear anything."""
    import gc
    import weakref

    app = Flask("short-lived")
    heard = weakref.ref(app)
    receivers = Receivers(app, bench.ctx)
    receivers.connect()
    del app, receivers
    gc.collect()

    assert heard() is None


def test_two_apps_in_one_process_keep_apart(bench: Bench, new_database: Callable[[], str]) -> None:
    from tests.integration.orders.kit import config_for, settings_for

    other = Shop(new_database(), **config_for(bench.sim))
    try:
        other.cova.connect_store(other.app, "s1", check=False, **settings_for(bench.sim))
        bench.place("1")

        listed = other.app.test_cli_runner().invoke(args=["cova", "orders", "list", "--json"])
        assert listed.stdout.strip() == '{"orders": []}'
    finally:
        other.close()


@pytest.mark.parametrize("failing", ["cova.order-pushed", "cova.order-status-changed"])
def test_a_listener_that_fails_changes_nothing(both: Bench, failing: str) -> None:
    def fail(_sender: Any, **_keywords: Any) -> None:
        raise RuntimeError("a stranger's listener")

    signal(failing).connect(fail, sender=both.shop.app)
    row = both.place()
    both.push()
    both.sim.register.complete(row.cova_order_id)
    both.poll()

    assert both.row().state == "completed"
    assert both.shop.status("1") == "completed"
