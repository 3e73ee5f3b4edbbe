"""Whoever runs the shop is told once when something needs them, and once when it is over."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import pairwise
from typing import Any

import pytest
import sqlalchemy as sa
from blinker import signal

from aiq_cova_plugin.services.orders.push_orders import push_due_orders
from aiq_cova_plugin.services.run_due import run_everything_due
from aiq_cova_plugin.services.watch import alerts
from aiq_cova_plugin.simulator import Simulator
from aiq_cova_plugin.store import alerts as stored
from aiq_cova_plugin.store import outbox

from tests.support.connected import ConnectedShop, connected_shop

MINUTES = 60.0


class Inbox:
    """What a host's receivers are told, as e-mails or a webhook would carry it."""

    def __init__(self) -> None:
        self.raised: list[dict[str, Any]] = []
        self.resolved: list[dict[str, Any]] = []

    def on_raised(self, _sender: Any, **told: Any) -> None:
        self.raised.append(told)

    def on_resolved(self, _sender: Any, **told: Any) -> None:
        self.resolved.append(told)

    def kinds(self) -> list[str]:
        return sorted(each["kind"] for each in self.raised)


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    found = Inbox()
    with (
        signal("cova.alert-raised").connected_to(found.on_raised),
        signal("cova.alert-resolved").connected_to(found.on_resolved),
    ):
        yield found


@pytest.fixture
def shops(database_url: str, sim: Simulator) -> Iterator[list[ConnectedShop]]:
    """Two workers on one database."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(connected_shop(database_url, sim, sync_orders=True))
            for _ in range(2)
        ]


def look(shop: ConnectedShop) -> alerts.WatchReport:
    with shop.shop.app.app_context():
        return alerts.watch(shop.shop.services)


def open_kinds(shop: ConnectedShop) -> list[tuple[str, str]]:
    with shop.shop.app.app_context():
        return [(each.kind, each.subject) for each in alerts.open_alerts(shop.shop.services, "s1")]


def test_a_healthy_shop_alarms_nobody(shop: ConnectedShop, inbox: Inbox) -> None:
    look(shop)
    shop.sync()
    look(shop)

    assert (inbox.raised, inbox.resolved) == ([], [])


def test_dead_credentials_are_told_once_and_their_repair_once(
    shops: list[ConnectedShop], inbox: Inbox, sim: Simulator
) -> None:
    first, second = shops
    first.sync()
    sim.faults.add("token", action="status", status=400, body='{"error": "invalid_grant"}', times=9)
    sim.state.revoke_tokens()
    first.sync()

    for shop in (first, second, first):
        look(shop)
    assert inbox.kinds() == ["credentials"]
    (told,) = inbox.raised
    assert (told["store_id"], told["subject"]) == ("s1", "")
    assert "COVA does not accept this Username and Password" in told["message"]
    assert told["fix"]

    sim.faults.clear()
    second.sync()
    for shop in (second, first):
        look(shop)
    assert [each["kind"] for each in inbox.resolved] == ["credentials"]
    assert open_kinds(first) == []


def test_a_menu_that_is_not_fresh_is_told_after_three_intervals(
    shop: ConnectedShop, inbox: Inbox
) -> None:
    shop.sync()
    shop.clock.advance(29 * MINUTES)
    look(shop)
    assert inbox.kinds() == []

    shop.clock.advance(2 * MINUTES)
    look(shop)
    look(shop)
    assert inbox.kinds() == ["stale"]
    assert "31 minutes" in inbox.raised[0]["message"]

    shop.sync()
    look(shop)
    assert [each["kind"] for each in inbox.resolved] == ["stale"]


def test_a_store_whose_first_sync_never_works_is_told_too(
    shop: ConnectedShop, inbox: Inbox, sim: Simulator
) -> None:
    sim.faults.add("product_data", action="forbidden", times=None)
    for _ in range(5):
        shop.sync()
        shop.clock.advance(8 * MINUTES)
    with shop.shop.app.app_context():
        shop.shop.services.schedule.claim_due(("catalog",))
    look(shop)

    assert "stale" in inbox.kinds()


def test_a_held_run_is_told_and_over_once_it_is_approved(shop: ConnectedShop, inbox: Inbox) -> None:
    shop.sync()
    for product in shop.sim.state.products.values():
        product.is_archived = True
    report = shop.sync(full=True)
    assert report.status == "held"

    look(shop)
    shop.sync(full=True)
    look(shop)
    assert inbox.kinds() == ["held_run"]

    shop.sync(full=True, approve=True)
    look(shop)
    assert [each["kind"] for each in inbox.resolved] == ["held_run"]


def test_an_order_that_needs_a_person_and_one_that_is_late(
    shop: ConnectedShop, inbox: Inbox
) -> None:
    shop.sync()
    for order_id in ("stuck", "late"):
        shop.shop.place(order_id, [(shop.ordinary()[0], "x", "1", "1.00")])
    with shop.shop.app.app_context(), shop.shop.services.database.short() as connection:
        stuck = outbox.push_of_order(connection, "s1", "stuck")
        assert stuck is not None
        values = {"state": "needs_attention", "reason": "No phone.", "fix": "Ask for it."}
        outbox.change_push(connection, stuck.id, values)
    look(shop)
    assert inbox.kinds() == ["order_stuck"]
    assert inbox.raised[0] | {"subject": "stuck", "message": "No phone."} == inbox.raised[0]

    shop.clock.advance(16 * MINUTES)
    look(shop)
    assert inbox.kinds() == ["order_stuck", "orders_late"]
    assert "1 order has been on the way" in inbox.raised[1]["message"]

    with shop.shop.app.app_context(), shop.shop.services.database.short() as connection:
        for order_id in ("stuck", "late"):
            push = outbox.push_of_order(connection, "s1", order_id)
            assert push is not None
            outbox.change_push(connection, push.id, {"state": "completed"})
    look(shop)
    assert len(inbox.resolved) == 2


def test_stock_that_was_freed_because_nobody_confirmed(shop: ConnectedShop, inbox: Inbox) -> None:
    shop.sync()
    line = (shop.ordinary()[0], "x", "1", "1.00")
    shop.shop.place("forgotten", [line], send=["aiq.order-placed"])
    shop.clock.advance(3 * 24 * 60 * MINUTES + 1)
    with shop.shop.app.app_context(), shop.shop.services.database.short() as connection:
        connection.exec_driver_sql("delete from cova_push")
    with shop.shop.app.app_context():
        shop.shop.db.session.execute(sa.text("update shop_order set confirmed_at = null"))
        shop.shop.db.session.commit()
    shop.shop.run("orders", "sweep")
    shop.sync()
    look(shop)
    look(shop)

    assert inbox.kinds() == ["hold_expired"]
    assert inbox.raised[0]["subject"] == "forgotten"


def test_an_alert_of_a_store_that_is_switched_off_is_over(
    shop: ConnectedShop, inbox: Inbox
) -> None:
    shop.sync()
    shop.clock.advance(60 * MINUTES)
    look(shop)
    shop.change_settings(enabled=False)
    look(shop)

    assert (inbox.kinds(), len(inbox.resolved)) == (["stale"], 1)


def test_two_workers_that_look_at_the_same_moment_tell_once(
    shops: list[ConnectedShop], inbox: Inbox
) -> None:
    shops[0].sync()
    for shop in shops:
        shop.clock.advance(60 * MINUTES)
    start = threading.Barrier(2)

    def race(shop: ConnectedShop) -> None:
        start.wait(30)
        look(shop)

    workers = [threading.Thread(target=race, args=(shop,)) for shop in shops]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(50)

    assert inbox.kinds() == ["stale"]


def test_a_restarted_worker_does_not_tell_again(
    sqlite_url: str, sim: Simulator, inbox: Inbox
) -> None:
    for _ in range(2):
        with connected_shop(sqlite_url, sim) as shop:
            shop.clock.advance(120 * MINUTES)
            with shop.shop.app.app_context():
                shop.shop.services.schedule.claim_due(("catalog",))
            look(shop)

    assert inbox.kinds() == ["stale"]


class Killed(BaseException):
    """What nothing in the plugin catches: the worker is gone at this very point."""


def stale(shop: ConnectedShop) -> None:
    shop.sync()
    shop.clock.advance(31 * MINUTES)


@pytest.mark.parametrize("is_over", [False, True], ids=["raised", "resolved"])
def test_a_worker_killed_before_it_tells_is_made_up_for_by_the_next(
    shops: list[ConnectedShop], inbox: Inbox, monkeypatch: pytest.MonkeyPatch, is_over: bool
) -> None:
    first, second = shops
    stale(first)
    if is_over:
        look(first)
        first.sync()
    with monkeypatch.context() as at:
        at.setattr(alerts, "tell_untold", dies)
        with pytest.raises(Killed):
            look(first)
    told = inbox.resolved if is_over else inbox.raised
    assert told == []

    second.clock.advance((first.clock.now() - second.clock.now()).total_seconds())
    for shop in (second, first, second):
        look(shop)

    assert [each["kind"] for each in told] == ["stale"]


def dies(*_args: object, **_named: object) -> None:
    raise Killed


def test_a_worker_killed_while_it_tells_leads_to_a_second_telling_of_the_same_alert(
    shop: ConnectedShop, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The host may have heard or not: at least once, and the id says that it is one alert."""
    stale(shop)
    with monkeypatch.context() as at:
        at.setattr(stored, "mark_told", dies)
        with pytest.raises(Killed):
            look(shop)
    look(shop)
    assert len(inbox.raised) == 1, "the claim of the dead worker lasts a while"

    shop.clock.advance(shop.shop.services.config.lease_seconds + 1)
    look(shop)
    look(shop)

    assert len({each["alert_id"] for each in inbox.raised}) == 1
    assert len(inbox.raised) == 2


def test_a_receiver_that_fails_is_tried_again_more_and_more_rarely_and_then_given_up(
    shop: ConnectedShop, inbox: Inbox, caplog: pytest.LogCaptureFixture
) -> None:
    calls: list[float] = []
    began = shop.clock.now()

    def fails(_sender: Any, **_told: Any) -> None:
        calls.append((shop.clock.now() - began).total_seconds() / MINUTES)
        raise RuntimeError("the mail server is away")

    shop.change_settings(sync_orders=False)
    stale(shop)
    began = shop.clock.now()
    with signal("cova.alert-raised").connected_to(fails):
        assert look(shop).raised == 1
        assert open_kinds(shop) == [("stale", "")]
        for _ in range(2 * 24 * 20):
            shop.clock.advance(3 * MINUTES)
            look(shop)

    pauses = [round(late - early) for early, late in pairwise(calls)]
    assert pauses[:5] == [3, 3, 6, 12, 24]
    assert max(pauses) <= 63, "at least every hour"
    assert calls[-1] < 24 * 60 + 1, "for a day"
    events = [record.getMessage() for record in caplog.records]
    assert events.count("signal_listener_failed") == len(calls)
    assert "alert_never_told" in events
    # Who listens beside a receiver that fails hears it all the same.
    assert len(inbox.raised) == len(calls)


def test_a_receiver_that_is_back_hears_what_it_missed(shop: ConnectedShop, inbox: Inbox) -> None:
    def fails(_sender: Any, **_told: Any) -> None:
        raise RuntimeError("the mail server is away")

    stale(shop)
    with signal("cova.alert-raised").connected_to(fails):
        look(shop)
        shop.sync()
        look(shop)
    assert inbox.resolved == [], "its end is no news before its beginning"

    shop.clock.advance(2 * MINUTES)
    inbox.raised.clear()
    look(shop)
    look(shop)

    assert (inbox.kinds(), len(inbox.resolved)) == (["stale"], 1)


def test_stock_freed_of_an_order_entered_by_hand_says_what_is_true(
    shop: ConnectedShop, inbox: Inbox
) -> None:
    shop.sync()
    shop.shop.place("by-hand", [(shop.ordinary()[0], "x", "1", "1.00")])
    assert shop.shop.run("orders", "by-hand", "by-hand").exit_code == 0
    shop.clock.advance(3 * 24 * 60 * MINUTES + 1)
    shop.shop.run("orders", "sweep")
    shop.sync()
    look(shop)

    (told,) = inbox.raised
    assert (told["kind"], told["subject"]) == ("hold_expired", "by-hand")
    assert "entered at the register by hand, and nobody said within three days" in told["message"]
    assert "Confirm" not in told["fix"]


def test_the_schedule_watches_by_itself(shop: ConnectedShop, inbox: Inbox, sim: Simulator) -> None:
    sim.faults.add("token", action="status", status=400, body='{"error": "invalid_grant"}', times=9)
    with shop.shop.app.app_context():
        for _ in range(4):
            shop.clock.advance(2 * MINUTES)
            run_everything_due(shop.shop.services)

    assert inbox.kinds().count("credentials") == 1


def test_no_two_things_share_a_key() -> None:
    assert stored.open_key("a:b", "k", "c") != stored.open_key("a", "k", "b:c")
    assert len(stored.open_key("s" * 64, "k" * 32, "o" * 64)) < 255


# --- the log --------------------------------------------------------------------------------------


def test_an_outage_of_cova_is_logged_once_when_it_begins_and_once_when_it_ends(
    shops: list[ConnectedShop], sim: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    """A real outage, with two workers that both sync and push through it, for hours."""
    for shop in shops:
        shop.sync()
    shops[0].shop.place("o1", [(shops[0].ordinary()[0], "x", "1", "1.00")])
    caplog.set_level(logging.INFO, logger="aiq_cova_plugin")
    sim.faults.add(action="unavailable", times=None)
    for _ in range(2):
        for shop in shops:
            shop.clock.advance(40 * MINUTES)
            shop.sync()
            with shop.shop.app.app_context():
                run_everything_due(shop.shop.services)
    sim.faults.clear()
    for shop in shops * 2:
        shop.clock.advance(30 * MINUTES)
        shop.sync()

    loud = [
        (record.getMessage(), getattr(record, "service", ""))
        for record in caplog.records
        if record.name.startswith("aiq_cova_plugin")
        and ".simulator" not in record.name
        and record.levelno >= logging.WARNING
    ]
    about_cova = [each for each in loud if not each[0].startswith("alert_")]
    of_the_store = [event for event, service in about_cova if not service]
    of_services = [each for each in about_cova if each[1]]

    assert of_the_store == ["cova_outage_began", "cova_outage_ended"]
    # Each of COVA's services that was called away, and back, once.
    assert len(of_services) == len(set(of_services))
    assert {event for event, _service in of_services} <= {"cova_service_away", "cova_service_back"}


def test_an_outage_of_the_database_is_logged_once_and_its_end_once(
    shop: ConnectedShop, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, logger="aiq_cova_plugin")
    with shop.shop.app.app_context():
        services = shop.shop.services
        run_everything_due(services)
        with services.database.short() as connection:
            connection.exec_driver_sql("alter table cova_schedule rename to away")
        for _ in range(5):
            run_everything_due(services)
        with services.database.short() as connection:
            connection.exec_driver_sql("alter table away rename to cova_schedule")
        run_everything_due(services)

    events = [record.getMessage() for record in caplog.records if "outage" in record.getMessage()]
    assert events == ["outage_began", "outage_ended"]


def test_a_receiver_that_hangs_keeps_one_thread_and_no_order_waits(
    shop: ConnectedShop, sim: Simulator
) -> None:
    stale(shop)
    shop.change_settings(sync_orders=True)
    let_go, calls = threading.Event(), []

    def hangs(_sender: Any, **told: Any) -> None:
        calls.append(told["alert_id"])
        let_go.wait(120)

    hanging = threading.Thread(target=look, args=(shop,))
    with signal("cova.alert-raised").connected_to(hangs):
        try:
            hanging.start()
            wait_until(lambda: calls)
            for _ in range(20):
                # Longer than any lease: another thread would take the telling over.
                shop.clock.advance(61 * MINUTES)
                look(shop)
            shop.shop.place("1", [(shop.ordinary()[0], "x", "1", "10.00")])
            with shop.shop.app.app_context():
                push_due_orders(shop.shop.services, "s1")
        finally:
            let_go.set()
            hanging.join(60)

    assert len(sim.orders()) == 1
    assert len(calls) == 1


def wait_until(holds: Callable[[], object]) -> None:
    for _ in range(600):
        if holds():
            return
        time.sleep(0.05)
    raise AssertionError("it never came")
