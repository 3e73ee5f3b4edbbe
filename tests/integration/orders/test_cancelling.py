"""Orders that are taken back: by the shop, by the register, in time and too late."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from aiq_cova_plugin.cova.client import CovaClient
from aiq_cova_plugin.host import OrderStatus
from aiq_cova_plugin.services.rescue.rescue_orders import cancel_order
from aiq_cova_plugin.store.holds import holds_of_order
from aiq_cova_plugin.store.models import Push

from tests.integration.orders.kit import Bench, settle_down

CANCELLED = "aiq.order-cancelled"


def _pay(bench: Bench, row: Push) -> None:
    """The register takes the money."""
    with bench.sim.state.lock:
        order = bench.sim.state.orders[row.cova_order_id]
        bench.sim.register.sales.pay(order, [{}], order.sale_total)


def _told(bench: Bench) -> list[str]:
    return [status for _, _, status in bench.shop.host.told]


def test_a_placed_order_that_is_cancelled_frees_its_stock(both: Bench) -> None:
    both.place_only()
    assert len(both.holds()) == 1

    both.shop.send(CANCELLED, "1")

    assert both.holds() == []
    assert not both.has_row("1")


def test_a_queued_order_is_withdrawn_at_once(both: Bench) -> None:
    both.place()

    both.shop.send(CANCELLED, "1")

    row = both.row()
    assert row.state == "withdrawn"
    assert row.finished_at is not None
    assert both.holds() == []
    assert both.push().handled == 0
    assert both.sim.requests() == []
    assert both.event_names() == ["queued", "cancel_asked", "withdrawn"]


def test_a_cancel_that_rolls_back_changes_nothing(both: Bench) -> None:
    both.place()

    from blinker import signal

    with both.shop.app.app_context():
        signal(CANCELLED).send(both.shop.app, store_id="s1", order_id="1")
        both.shop.db.session.rollback()

    assert both.row().state == "queued"
    assert len(both.holds()) == 1
    both.push()
    both.assert_sent_once(both.row())


def test_an_order_at_the_register_is_cancelled_there(both: Bench) -> None:
    both.place()
    both.push()

    both.shop.send(CANCELLED, "1")
    assert both.holds() == []
    row = both.go_on()

    assert row.state == "withdrawn"
    assert both.assert_sent_once(row)["status"] == "Cancelled"
    # It came from the shop, so the shop is not told.
    assert _told(both) == []
    assert both.signals("order-status-changed") == []


def test_an_order_that_waits_for_a_person_is_withdrawn(bench: Bench) -> None:
    bench.place(customer={"first_name": "A", "last_name": "B", "phone": "", "email": None})
    bench.push()
    assert bench.row().state == "needs_attention"

    bench.shop.send(CANCELLED, "1")

    assert bench.row().state == "withdrawn"
    assert bench.row().reason == ""


def test_an_order_cova_refused_is_withdrawn(bench: Bench) -> None:
    bench.place()
    bench.sim.faults.add("submit_order", action="non_transient_failure", message="No.")
    bench.push()
    assert bench.row().state == "needs_attention"

    bench.shop.send(CANCELLED, "1")
    row = bench.go_on()

    assert row.state == "withdrawn"
    assert bench.calls("cancel_order") == 0


def test_an_order_cova_could_not_process_is_withdrawn_without_a_call(bench: Bench) -> None:
    """A transient failure never got to the point of sale, so there is nothing to cancel."""
    bench.place()
    bench.sim.faults.add("submit_order", action="transient_failure", times=None)
    bench.push()
    assert bench.row().state == "checking"

    bench.shop.send(CANCELLED, "1")
    row = bench.go_on()

    assert row.state == "withdrawn"
    assert bench.calls("cancel_order") == 0


def test_a_paid_order_cannot_be_cancelled_and_says_so(both: Bench) -> None:
    row = both.place()
    both.push()
    _pay(both, row)

    both.shop.send(CANCELLED, "1")
    row = both.go_on()

    assert row.state == "needs_attention"
    assert "COVA did not cancel order WEB-1" in row.reason
    assert "paid" in row.reason
    assert "register" in row.fix
    assert both.signals("order-needs-attention") == [
        {"store_id": "s1", "order_id": "1", "reason": row.reason}
    ]
    # Somebody refunds and cancels it at the register: the next look sees it.
    both.sim.register.cancel(row.cova_order_id)
    both.poll()
    assert both.row().state == "withdrawn"
    assert both.row().reason == ""
    assert _told(both) == []


def test_retry_of_a_refused_cancel_cancels_again(bench: Bench) -> None:
    row = bench.place()
    bench.push()
    _pay(bench, row)
    bench.shop.send(CANCELLED, "1")
    bench.go_on()
    with bench.sim.state.lock:
        bench.sim.state.orders[row.cova_order_id].payments.clear()

    code, _ = bench.command("orders", "retry", "1")
    assert code == 0

    assert bench.go_on().state == "withdrawn"
    assert bench.sim.orders()[0]["status"] == "Cancelled"


def test_the_register_completes_what_the_shop_cancelled(bench: Bench) -> None:
    row = bench.place()
    bench.push()
    bench.shop.send(CANCELLED, "1")
    bench.sim.register.complete(row.cova_order_id)

    after = bench.go_on()

    assert after.state == "completed"
    assert "register completed the sale" in after.warning
    assert _told(bench) == []


def test_the_register_cancels_and_the_shop_is_told_once(both: Bench) -> None:
    row = both.place()
    both.push()
    both.sim.register.cancel(row.cova_order_id)

    for _ in range(3):
        both.poll()

    after = both.row()
    assert after.state == "cancelled"
    assert both.shop.status("1") == "cancelled"
    assert _told(both) == ["cancelled"]
    assert both.holds() == []
    assert both.signals("order-status-changed") == [
        {"store_id": "s1", "order_id": "1", "status": "cancelled"}
    ]


@pytest.mark.parametrize("ending", ["cancel", "complete"])
def test_the_echo_of_a_status_we_set_is_harmless(both: Bench, ending: str) -> None:
    """A host that answers every status change with a signal of its own, in the same breath."""
    from blinker import signal

    row = both.place()
    both.push()
    told = both.shop.host.set_order_status

    def tell_and_echo(
        store_id: str, order_id: str, status: OrderStatus, note: str | None = None
    ) -> None:
        told(store_id, order_id, status, note)
        for name in ("aiq.order-confirmed", CANCELLED):
            signal(name).send(both.shop.app, store_id=store_id, order_id=order_id)

    both.shop.host.set_order_status = tell_and_echo  # type: ignore[method-assign]
    getattr(both.sim.register, ending)(row.cova_order_id)
    both.poll()
    both.shop.send(CANCELLED, "1")
    both.push()
    both.poll()

    expected = {"cancel": "cancelled", "complete": "completed"}[ending]
    assert both.row().state == expected
    assert _told(both) == [expected]
    assert [hold["state"] for hold in both.holds()] == ([] if ending == "cancel" else ["settling"])
    assert both.calls("cancel_order") == 0
    assert both.signals("order-needs-attention") == []


def test_the_shop_never_moves_backwards(bench: Bench) -> None:
    row = bench.place()
    bench.push()
    for step in ("ReadyForPickup", "OrderPlaced", "InProgress"):
        bench.sim.register.set_fulfilment(row.cova_order_id, step)
        bench.poll()

    assert _told(bench) == ["ready_for_pickup"]
    assert bench.shop.status("1") == "ready_for_pickup"


def test_every_signal_may_come_twice(both: Bench) -> None:
    row = both.place(send=["aiq.order-placed", "aiq.order-placed", *["aiq.order-confirmed"] * 3])
    both.push()
    both.shop.send("aiq.order-confirmed", "1")
    both.shop.send("aiq.order-placed", "1")
    both.shop.send(CANCELLED, "1")
    both.shop.send(CANCELLED, "1")

    after = both.go_on()

    assert (after.state, after.cova_order_id) == ("withdrawn", row.cova_order_id)
    assert both.holds() == []
    assert both.calls("cancel_order") == 1
    assert both.event_names().count("queued") == 1
    assert both.event_names().count("cancel_asked") == 1


# --- while a worker is at it ----------------------------------------------------------------------


def _during(bench: Bench, operation: str, happening: Callable[[], None]) -> None:
    """Push in another thread; let something happen while COVA hangs over this call."""
    fault = bench.sim.faults.add(operation, action="delay", seconds=30, times=1)
    slow = bench.shop.services.config.read_timeout_seconds
    assert slow >= 5, "the call must still be waiting when the other thing happens"
    failures: list[BaseException] = []

    def run() -> None:
        try:
            bench.push()
        except BaseException as exc:  # noqa: BLE001 - handed to the test's own thread
            failures.append(exc)

    worker = threading.Thread(target=run)
    worker.start()
    for _ in range(200):
        if fault.hits:
            break
        settle_down(0.02)
    assert fault.hits == 1
    happening()
    bench.sim.faults.clear()
    worker.join(timeout=20)
    assert not worker.is_alive()
    assert failures == []


@pytest.mark.parametrize(
    "operation",
    ["token", "tax_configuration", "search_customers", "create_customer"],
)
def test_a_cancel_before_the_submission_stops_it(patient: Bench, operation: str) -> None:
    patient.place()

    _during(patient, operation, lambda: patient.shop.send(CANCELLED, "1"))
    row = patient.go_on()

    assert row.state == "withdrawn"
    assert patient.sim.orders() == []
    assert patient.holds() == []


@pytest.mark.parametrize("operation", ["submit_order", "order_status"])
def test_a_cancel_during_the_submission_is_carried_out_after_it(
    patient: Bench, operation: str
) -> None:
    patient.place()

    _during(patient, operation, lambda: patient.shop.send(CANCELLED, "1"))
    row = patient.go_on()

    assert row.state == "withdrawn"
    assert [order["status"] for order in patient.sim.orders()] == ["Cancelled"]
    assert _told(patient) == []
    assert patient.signals("order-needs-attention") == []


def test_a_cancel_while_cova_refuses_leaves_nothing_to_repair(patient: Bench) -> None:
    patient.place()

    def cancel() -> None:
        patient.shop.send(CANCELLED, "1")
        with patient.sim.state.lock:
            patient.sim.state.products.pop(patient.sim.ordinary_products(1)[0])

    _during(patient, "submit_order", cancel)
    row = patient.go_on()

    assert row.state == "withdrawn"
    assert patient.signals("order-needs-attention") == []


def test_a_cancel_while_the_status_is_being_polled_is_not_lost(patient: Bench) -> None:
    patient.place()
    patient.push()

    fault = patient.sim.faults.add("order_status", action="delay", seconds=30, times=1)
    worker = threading.Thread(target=patient.poll)
    worker.start()
    while not fault.hits:
        settle_down(0.02)
    patient.shop.send(CANCELLED, "1")
    patient.sim.faults.clear()
    worker.join(timeout=20)

    assert patient.go_on().state == "withdrawn"
    assert patient.sim.orders()[0]["status"] == "Cancelled"


def test_a_cancel_between_the_poll_s_reading_and_writing_is_not_lost(
    postgres_bench: Bench,
) -> None:
    """Two transactions: the poll has read the row, the shop commits its cancel, the poll writes."""
    from aiq_cova_plugin.store import outbox

    bench = postgres_bench
    bench.place()
    bench.push()
    bench.sim.register.set_fulfilment(bench.row().cova_order_id, "InProgress")
    read = outbox.push_of_order
    cancelled: list[threading.Thread] = []

    def read_and_dawdle(connection: Any, store_id: str, order_id: str) -> Push | None:
        found = read(connection, store_id, order_id)
        if not cancelled:
            shop = threading.Thread(target=bench.shop.send, args=(CANCELLED, "1"))
            cancelled.append(shop)
            shop.start()
            shop.join(timeout=1)
        return found

    # Only the moment between the two statements is stretched; both are the real ones.
    outbox.push_of_order = read_and_dawdle
    try:
        bench.poll()
    finally:
        outbox.push_of_order = read
    cancelled[0].join(timeout=10)

    row = bench.go_on()
    assert row.state == "withdrawn"
    assert bench.sim.orders()[0]["status"] == "Cancelled"


def test_a_claim_between_the_cancel_s_reading_and_writing_is_not_overrun(
    postgres_bench: Bench,
) -> None:
    """The shop reads an order nobody has claimed; a worker sends it; then the shop writes."""
    from aiq_cova_plugin.services.orders import enqueue_order

    bench = postgres_bench
    bench.place()
    decide = enqueue_order._never_left
    pushed: list[threading.Thread] = []

    def decide_and_dawdle(push: Push) -> bool:
        answer = decide(push)
        worker = threading.Thread(target=bench.push)
        pushed.append(worker)
        worker.start()
        worker.join(timeout=1.5)
        return answer

    enqueue_order._never_left = decide_and_dawdle
    try:
        bench.shop.send(CANCELLED, "1")
    finally:
        enqueue_order._never_left = decide
    pushed[0].join(timeout=20)

    row = bench.go_on()
    assert row.state == "withdrawn"
    assert [order["status"] for order in bench.sim.orders()] in ([], ["Cancelled"])


def test_an_order_in_doubt_is_not_called_withdrawn_too_early(bench: Bench) -> None:
    """COVA broke off and takes its time: the order turns up after the shop has cancelled it."""
    bench.sim.switches.update({"status_unknown_reads": 6})
    bench.place()
    bench.sim.faults.add("submit_order", action="reset_after")
    bench.sim.faults.add("read_order", action="status", status=404, times=6)
    bench.push()
    assert bench.row().state == "checking"

    bench.shop.send(CANCELLED, "1")
    row = bench.go_on()

    assert row.state == "withdrawn"
    assert bench.sim.orders()[0]["status"] == "Cancelled"


def test_a_cancel_whose_answer_is_lost_is_looked_up(bench: Bench) -> None:
    bench.sim.switches.update({"cancel_again_status": 400})
    bench.place()
    bench.push()
    bench.shop.send(CANCELLED, "1")
    bench.sim.faults.add("cancel_order", action="reset_after")

    row = bench.go_on()

    assert row.state == "withdrawn"
    assert bench.calls("cancel_order") == 1


def test_the_command_cancels_at_the_register(both: Bench) -> None:
    both.place()
    both.push()

    code, document = both.command("orders", "cancel", "1")

    assert code == 0
    assert document["state"] == "withdrawn"
    assert both.sim.orders()[0]["status"] == "Cancelled"
    assert both.holds() == []
    assert "Asked by the command line." in both.story()
    code, document = both.command("orders", "cancel", "1")
    assert code != 0
    assert "withdrawn already" in document["error"]["message"]


def test_the_command_says_when_cova_does_not_cancel(bench: Bench) -> None:
    row = bench.place()
    bench.push()
    _pay(bench, row)

    code, document = bench.command("orders", "cancel", "1")

    assert code != 0
    assert document["state"] == "needs_attention"
    assert "paid" in document["reason"]
    # Asking again asks COVA again, and does not quietly do nothing.
    calls = bench.calls("cancel_order")
    assert bench.command("orders", "cancel", "1")[0] != 0
    assert bench.calls("cancel_order") == calls + 1


def test_an_order_confirmed_unheard_and_then_cancelled_is_not_sent(both: Bench) -> None:
    """The confirmation was missed, the cancel was not: the sweep must not bring it back."""
    both.shop.place("1", both.lines(), send=["aiq.order-placed"])
    both.shop.send(CANCELLED, "1")

    both.sweep()
    both.push()

    assert both.sim.orders() == []
    assert both.holds() == []


def test_a_cancel_while_a_worker_sends_does_not_wait_out_the_delay(
    both: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    both.place()
    both.sim.faults.add("submit_order", action="unavailable", times=None)
    for _ in range(6):
        both.push()
        both.wait_until_due(both.row())
    submit = CovaClient.submit_order

    def cancel_then_submit(self: CovaClient, *args: Any, **more: Any) -> Any:
        both.shop.send(CANCELLED, "1")
        return submit(self, *args, **more)

    monkeypatch.setattr(CovaClient, "submit_order", cancel_then_submit)
    both.push()

    row = both.row()
    assert row.cancel_requested
    assert row.next_attempt_at is not None
    assert (row.next_attempt_at - both.clock.now()).total_seconds() <= 5
    assert both.go_on().state == "withdrawn"
    assert both.holds() == []


def test_a_withdrawal_by_a_person_is_told_as_such_until_the_shop_cancels_too(bench: Bench) -> None:
    """The shop's own order goes on: that stands on the order, and no word says the shop did it."""
    bench.place()
    bench.push()

    assert bench.command("orders", "cancel", "1")[0] == 0
    withdrawn = bench.go_on()

    assert withdrawn.state == "withdrawn"
    assert withdrawn.host_status == "confirmed"
    assert (
        "asked for by the command line: the shop's own order stays confirmed" in withdrawn.warning
    )
    assert _hold_reasons(bench) == {"withdrawn from COVA by the command line"}
    assert "shop cancelled" not in bench.story()
    assert "as the shop" not in bench.story()

    bench.shop.send(CANCELLED, "1")

    assert bench.row().warning == ""
    assert bench.event_names()[-1] == "cancel_asked"


def test_what_a_person_withdrew_and_the_register_sold_is_held_and_told(bench: Bench) -> None:
    row = bench.place()
    bench.push()
    with bench.shop.app.app_context():
        cancel_order(bench.shop.services, bench.row(), by="Kim")
    bench.sim.register.complete(row.cova_order_id)

    after = bench.go_on()

    assert after.state == "completed"
    assert after.warning == (
        "This order was to be withdrawn from COVA, but the register completed the sale."
    )
    assert bench.holds() != [], "what was freed is held until COVA's stock shows the sale"
    assert _told(bench) == ["completed"]


def _hold_reasons(bench: Bench) -> set[str]:
    services = bench.shop.services
    with bench.shop.app.app_context(), services.database.short() as connection:
        return {each.reason for each in holds_of_order(connection, "s1", "1")}
