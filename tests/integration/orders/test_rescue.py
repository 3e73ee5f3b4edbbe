"""What keeps an order from being forgotten: sweep, reconcile, polls, and the rescue commands."""

from __future__ import annotations

from typing import Any

import pytest

from aiq_cova_plugin.errors import IllegalMove
from aiq_cova_plugin.host import OrderNotFound, OrderStatus
from aiq_cova_plugin.services.rescue.enter_by_hand import enter_by_hand
from aiq_cova_plugin.services.rescue.rescue_orders import choose_customer, find_push, retry_order

from tests.integration.orders.kit import Bench, settings_for
from tests.support.shop import ADA

NO_SIGNAL: list[str] = []


# --- sweep ----------------------------------------------------------------------------------------


def test_the_sweep_finds_orders_whose_signal_was_missed(both: Bench) -> None:
    both.place("1")
    both.shop.place("2", both.lines(), send=NO_SIGNAL)
    assert not both.has_row("2")

    code, document = both.command("orders", "sweep", "--store", "s1")

    assert code == 0
    assert document["stores"][0].items() >= {"handled": 1, "changed": 1, "failed": 0}.items()
    assert both.row("2").state == "queued"
    assert "the sweep found it" in both.story("2")
    assert {hold["order_id"] for hold in both.holds()} == {"1", "2"}
    both.push()
    assert [order["external_order_id"] for order in both.sim.orders()] == ["WEB-1", "WEB-2"]
    assert both.sweep().handled == 0


def test_the_sweep_leaves_orders_from_before_the_connection_alone(bench: Bench) -> None:
    """They were dealt with by hand; sending them now would sell them twice."""
    bench.shop.place("1", bench.lines(), send=NO_SIGNAL)
    bench.advance(3600)
    bench.shop.cova.connect_store(bench.shop.app, "s1", check=False, sync_orders=False)
    bench.shop.cova.connect_store(bench.shop.app, "s1", check=False, sync_orders=True)

    assert bench.sweep().handled == 0
    assert not bench.has_row("1")


def test_one_bad_order_does_not_stop_the_sweep(both: Bench) -> None:
    for order_id in ("1", "2", "3"):
        both.shop.place(order_id, both.lines(), send=NO_SIGNAL)
    get_order = both.shop.host.get_order

    def stumble(store_id: str, order_id: str) -> Any:
        if order_id == "1":
            raise RuntimeError("the shop stumbles over this order")
        if order_id == "2":
            raise OrderNotFound(store_id, order_id)
        return get_order(store_id, order_id)

    both.shop.host.get_order = stumble  # type: ignore[method-assign]

    code, document = both.command("orders", "sweep")

    assert code != 0
    assert document["stores"][0].items() >= {"changed": 1, "failed": 2}.items()
    assert both.row("3").state == "queued"


# --- stores that are off --------------------------------------------------------------------------


def test_a_store_that_sends_no_orders_still_holds_their_stock(both: Bench) -> None:
    both.shop.cova.connect_store(both.shop.app, "s1", check=False, sync_orders=False)
    both.shop.place("1", both.lines())

    assert not both.has_row("1")
    assert [hold["order_id"] for hold in both.holds()] == ["1"]
    assert both.sweep().changed == 0
    assert both.push().handled == 0
    assert both.sim.requests() == []


def test_a_store_that_is_off_sends_nothing_and_goes_on_later(both: Bench) -> None:
    both.place("1")
    both.shop.cova.connect_store(both.shop.app, "s1", check=False, enabled=False)
    both.shop.place("2", both.lines())

    code, document = both.command("orders", "push", "--store", "s1")
    assert code != 0
    assert document["error"]["field"] == "enabled"
    assert "switched off" in document["error"]["message"]
    assert both.command("orders", "push") == (0, {"stores": []})
    assert not both.has_row("2")
    assert both.sim.requests() == []

    both.shop.cova.connect_store(both.shop.app, "s1", check=False, enabled=True)
    assert both.command("orders", "push")[0] == 0
    both.assert_sent_once(both.row("1"))


def test_a_store_that_is_not_connected_is_named(bench: Bench) -> None:
    code, document = bench.command("orders", "push", "--store", "s2")
    assert code != 0
    assert "s2 is not connected" in document["error"]["message"]

    code, document = bench.command("orders", "poll", "--store", "s9")
    assert code != 0
    assert document["error"]["field"] == "store"
    assert "s1 (Harbour Street)" in document["error"]["fix"]


def test_orders_of_a_store_that_is_not_connected_pass_by(bench: Bench) -> None:
    bench.shop.place("1", bench.lines(), store_id="s2")

    assert not bench.has_row("1", store_id="s2")
    assert bench.holds() == []


def test_without_an_integrator_id_the_order_waits_for_a_person(bench: Bench) -> None:
    bench.shop.cova.connect_store(bench.shop.app, "s1", check=False, integrator_id="")
    bench.place()

    code, _ = bench.command("orders", "push")

    assert code != 0
    row = bench.row()
    assert row.state == "needs_attention"
    assert "IntegratorId" in row.reason
    assert "COVA_INTEGRATOR_ID" in row.fix
    assert bench.calls("submit_order") == 0
    bench.shop.cova.connect_store(
        bench.shop.app, "s1", check=False, integrator_id=bench.sim.integrator_id
    )
    assert bench.go_on(retry=True).state == "in_pos"


@pytest.mark.parametrize("invalid_integrator", ["error_400", "status"])
def test_a_wrong_integrator_id_is_told_in_cova_s_words(
    bench: Bench, invalid_integrator: str
) -> None:
    bench.sim.switches.update({"invalid_integrator": invalid_integrator})
    wrong = "99999999-2222-4333-8444-555555555555"
    bench.shop.cova.connect_store(bench.shop.app, "s1", check=False, integrator_id=wrong)
    bench.place()

    bench.push()

    assert bench.row().state == "needs_attention"
    assert "integrator id is not valid" in bench.row().reason
    bench.shop.cova.connect_store(
        bench.shop.app, "s1", check=False, integrator_id=bench.sim.integrator_id
    )
    row = bench.go_on(retry=True)
    assert row.state == "in_pos"
    bench.assert_sent_once(row)


# --- two stores -----------------------------------------------------------------------------------


def test_two_stores_may_share_an_order_id(bench: Bench) -> None:
    settings = settings_for(bench.sim, location_id=bench.sim.second_location_id)
    bench.shop.cova.connect_store(bench.shop.app, "s2", check=False, **settings)
    for product in bench.sim.ordinary_products(1):
        bench.sim.register.set_stock(product, 50, location_id=bench.sim.second_location_id)
    first = bench.place("7")
    second = bench.place("7", store_id="s2", customer={**ADA, "phone": "416-555-0142"})

    code, document = bench.command("orders", "show", "7")
    assert code != 0
    assert document["error"]["field"] == "store"
    assert "s1, s2" in document["error"]["fix"]
    for command in ("retry", "cancel"):
        assert bench.command("orders", command, "7")[0] != 0

    code, document = bench.command("orders", "push")
    assert code == 0
    assert [each["store_id"] for each in document["stores"]] == ["s1", "s2"]
    orders = {order["id"]: order for order in bench.sim.orders()}
    assert orders[first.cova_order_id]["location_id"] == bench.sim.location_id
    assert orders[second.cova_order_id]["location_id"] == bench.sim.second_location_id
    # The second location's prices hold the tax; each store remembers its own setting.
    assert orders[first.cova_order_id]["tax_style"] == "TEP"
    assert orders[second.cova_order_id]["tax_style"] == "TIP"
    code, document = bench.command("orders", "cancel", "7", "--store", "s2")
    assert code == 0
    assert document["store_id"] == "s2"
    assert bench.row("7", store_id="s1").state == "in_pos"
    assert bench.row("7", store_id="s2").state == "withdrawn"
    code, document = bench.command("orders", "show", "7", "--store", "s1")
    assert (code, document["store_id"]) == (0, "s1")


# --- rescue ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["show", "retry", "cancel"])
def test_an_unknown_order_is_said_to_be_unknown(bench: Bench, command: str) -> None:
    code, document = bench.command("orders", command, "404")

    assert code != 0
    assert "'404'" in document["error"]["message"]
    assert document["error"]["field"] == "order"


def test_retry_makes_an_order_due_at_once(bench: Bench) -> None:
    bench.place()
    bench.sim.faults.add("tax_configuration", action="server_error")
    bench.push()
    assert bench.push().handled == 0

    code, document = bench.command("orders", "retry", "1")

    assert code == 0
    assert document["state"] == "queued"
    assert bench.push().handled == 1
    assert bench.row().state == "in_pos"
    assert "Retry asked by the command line." in bench.story()


def test_an_order_in_the_register_cannot_be_retried(bench: Bench) -> None:
    bench.place()
    bench.push()

    code, document = bench.command("orders", "retry", "1")

    assert code != 0
    assert "in pos" in document["error"]["message"]
    assert bench.row().state == "in_pos"


def test_what_cova_refuses_for_good_waits_with_cova_s_words(both: Bench) -> None:
    row = both.place()
    both.sim.faults.add(
        "submit_order",
        action="non_transient_failure",
        message="Product Gelato is out of stock.",
    )

    code, _ = both.command("orders", "push")

    assert code != 0
    after = both.row()
    assert after.state == "needs_attention"
    assert after.reason == "COVA refused order WEB-1: Product Gelato is out of stock."
    assert "press Retry" in after.fix
    assert both.push().handled == 0
    (listed,) = both.command("orders", "list", "--state", "needs_attention")[1]["orders"]
    assert listed["reason"] == after.reason
    # Repaired at the register; the same order goes through under its own id.
    assert both.command("orders", "retry", "1")[0] == 0
    assert both.go_on().state == "in_pos"
    assert both.assert_sent_once(row)["received_puts"] == 2


def test_sold_out_meanwhile_is_told_before_anything_is_sent(bench: Bench) -> None:
    product = bench.sim.ordinary_products(1)[0]
    bench.place(lines=[(product, "Gelato", "2", "20.00")])
    bench.sim.register.set_stock(product, 1)

    bench.push()

    row = bench.row()
    assert row.state == "needs_attention"
    assert "Gelato: 2 ordered, 1 left" in row.reason
    assert bench.calls("submit_order") == 0
    bench.sim.register.set_stock(product, 9)
    assert bench.go_on(retry=True).state == "in_pos"


def test_a_retry_is_not_lost_to_a_failing_status_call(bench: Bench) -> None:
    """Retry, then COVA cannot be asked for a moment: the repaired order must still be sent."""
    bench.place()
    bench.sim.faults.add("submit_order", action="non_transient_failure", message="No.")
    bench.push()
    bench.command("orders", "retry", "1")
    bench.sim.faults.add("order_status", action="server_error", times=2)

    row = bench.go_on()

    assert row.state == "in_pos"
    assert len(bench.signals("order-needs-attention")) == 1


def test_what_cova_refuses_again_gets_a_new_id_because_the_old_one_failed(bench: Bench) -> None:
    first = bench.place()
    bench.sim.faults.add("submit_order", action="non_transient_failure", times=2, message="No.")
    bench.push()
    bench.command("orders", "retry", "1")
    bench.push()
    assert bench.row().cova_order_id == first.cova_order_id

    bench.command("orders", "retry", "1")
    row = bench.go_on()

    assert row.state == "in_pos"
    assert row.cova_order_id != first.cova_order_id
    states = {order["id"]: order["status"] for order in bench.sim.orders()}
    assert states == {
        first.cova_order_id: "NonTransientProcessingFailure",
        row.cova_order_id: "ReadyForPayment",
    }
    assert "new id" in bench.story()


def test_an_order_deleted_in_the_shop_waits_for_a_person(both: Bench) -> None:
    both.place()
    both.delete_order()

    both.push()

    row = both.row()
    assert row.state == "needs_attention"
    assert "The shop no longer has order WEB-1." in row.reason
    assert "Withdraw" in row.fix
    assert both.sim.requests("submit_order") == []
    assert both.command("orders", "cancel", "1")[0] == 0
    assert both.row().state == "withdrawn"


def test_an_order_deleted_in_the_shop_still_ends(both: Bench) -> None:
    row = both.place()
    both.push()
    both.delete_order()
    both.sim.register.complete(row.cova_order_id)

    both.poll()

    assert both.row().state == "completed"
    assert "The shop no longer has this order." in both.story()


def test_a_line_without_product_waits_for_a_person(bench: Bench) -> None:
    bench.place(lines=[("", "Mystery", "1", "5.00")])

    bench.push()

    assert bench.row().state == "needs_attention"
    assert 'the line "Mystery" has no COVA product' in bench.row().reason


@pytest.mark.parametrize(
    ("changed", "kind", "reason"),
    [
        ({0: None}, "UnmappedProduct", 'the line "Line 1" has no COVA product'),
        ({2: "NaN"}, "NeedsOperator", "the quantity NaN, which COVA cannot take"),
        ({2: "-1"}, "NeedsOperator", "the quantity -1, which COVA cannot take"),
    ],
)
def test_an_order_that_cannot_be_sent_asks_nothing_of_cova(
    bench: Bench, changed: dict[int, str | None], kind: str, reason: str
) -> None:
    bench.place()
    line = [changed.get(position, value) for position, value in enumerate(bench.lines()[0])]
    bench.change_order(lines=[line])

    bench.push()

    row = bench.row()
    assert (row.state, row.kind) == ("needs_attention", kind)
    assert reason in row.reason
    assert bench.calls("create_customer") == bench.calls("search_customers") == 0
    # Repaired in the shop, it goes.
    bench.change_order(lines=[list(each) for each in bench.lines()])
    assert bench.go_on(retry=True).state == "in_pos"


def test_what_fails_unexpectedly_each_time_goes_to_a_person(bench: Bench) -> None:
    bench.place()
    get_order = bench.shop.host.get_order

    def stumble(store_id: str, order_id: str) -> Any:
        raise RuntimeError("the shop stumbles over this order")

    bench.shop.host.get_order = stumble  # type: ignore[method-assign]
    row = bench.go_on()

    assert row.state == "needs_attention"
    assert "Something unexpected went wrong with order WEB-1, 6 times" in row.reason
    assert "push_failed_unexpectedly" in row.fix
    assert bench.event_names().count("unexpected") == 6
    assert len(bench.signals("order-needs-attention")) == 1
    bench.shop.host.get_order = get_order  # type: ignore[method-assign]
    assert bench.go_on(retry=True).state == "in_pos"


def test_a_retry_from_an_old_page_does_not_revive_a_finished_order(both: Bench) -> None:
    """The page was open while somebody else entered the order by hand."""
    both.place(customer={**ADA, "phone": ""})
    both.push()
    with both.shop.app.app_context():
        stale = find_push(both.ctx, "1")
        assert stale.state == "needs_attention"
        enter_by_hand(both.ctx, find_push(both.ctx, "1"), by="Ann")

        with pytest.raises(IllegalMove, match="completed"):
            retry_order(both.ctx, stale, by="Bea")
        with pytest.raises(IllegalMove, match="completed"):
            choose_customer(both.ctx, stale, "11111111-1111-4111-8111-111111111111", by="Bea")

    row = both.row()
    assert (row.state, row.chosen_customer_id) == ("completed", None)
    assert "Bea" not in both.story()


def test_a_host_that_fails_does_not_cost_the_order(both: Bench) -> None:
    both.place("1")
    both.place("2")
    get_order = both.shop.host.get_order

    def stumble(store_id: str, order_id: str) -> Any:
        if order_id == "1":
            raise RuntimeError("the shop stumbles over this order")
        return get_order(store_id, order_id)

    both.shop.host.get_order = stumble  # type: ignore[method-assign]
    code, document = both.command("orders", "push")

    assert code != 0
    assert document["stores"][0].items() >= {"handled": 2, "failed": 1, "waiting": 1}.items()
    assert both.row("2").state == "in_pos"
    assert both.row("1").state == "queued"
    assert "unexpected" in both.row("1").reason
    both.shop.host.get_order = get_order  # type: ignore[method-assign]
    assert both.go_on("1").state == "in_pos"


# --- polls ----------------------------------------------------------------------------------------


def test_one_order_s_trouble_does_not_keep_the_others_from_moving_on(both: Bench) -> None:
    rows = [both.place(order_id) for order_id in ("1", "2", "3")]
    both.push()
    for row in rows:
        both.sim.register.complete(row.cova_order_id)
    set_status = both.shop.host.set_order_status

    def stumble(store_id: str, order_id: str, status: OrderStatus, note: str | None = None) -> None:
        if order_id == "1":
            raise RuntimeError("the shop stumbles over this order")
        set_status(store_id, order_id, status, note)

    both.shop.host.set_order_status = stumble  # type: ignore[method-assign]
    with both.sim.state.lock:
        del both.sim.state.orders[rows[1].cova_order_id]

    report = both.poll()

    assert (report.handled, report.changed, report.failed) == (3, 1, 2)
    assert [both.row(each).state for each in ("1", "2", "3")] == ["in_pos", "in_pos", "completed"]
    assert "COVA no longer knows this order." in both.row("2").warning
    both.shop.host.set_order_status = set_status  # type: ignore[method-assign]
    both.poll()
    assert both.row("1").state == "completed"
    assert both.shop.status("1") == "completed"


@pytest.mark.parametrize("action", ["unavailable", "server_error", "rate_limited", "reset_before"])
def test_a_poll_gives_up_early_when_cova_is_away_and_waits_its_turn(
    bench: Bench, action: str
) -> None:
    for number in range(6):
        bench.place(str(number), customer={**ADA, "phone": f"303-555-02{number:02}"})
    bench.push()
    bench.advance(40)
    bench.sim.faults.add("order_status", action=action, times=None)

    report = bench.poll(only_due=True)

    assert 0 < report.failed < 6
    assert report.failed + report.waiting == 6
    # The next tick comes two seconds later: COVA is left in peace until the next interval.
    before = len(bench.sim.requests())
    bench.advance(2)
    assert bench.poll(only_due=True).handled == 0
    assert len(bench.sim.requests()) == before
    bench.sim.faults.clear()
    bench.advance(130)
    assert bench.poll(only_due=True).handled == 6


def test_one_order_that_cannot_be_read_waits_its_turn_too(bench: Bench) -> None:
    row = bench.place()
    bench.push()
    bench.advance(40)
    bench.sim.faults.add("order_status", path=row.cova_order_id, action="garbage", times=None)

    assert bench.poll(only_due=True).failed == 1
    bench.advance(2)

    assert bench.poll(only_due=True).handled == 0
    bench.advance(130)
    assert bench.poll(only_due=True).handled == 1


def test_a_refused_log_in_is_not_tried_once_per_open_order(bench: Bench) -> None:
    for number in range(6):
        bench.place(str(number), customer={**ADA, "phone": f"303-555-02{number:02}"})
    bench.push()
    bench.advance(13 * 3600)  # the token is old by now
    bench.sim.faults.add(
        "token", action="status", status=400, body='{"error": "invalid_grant"}', times=None
    )
    before = bench.calls("token")

    code, document = bench.command("orders", "poll")
    bench.poll(only_due=True)

    assert code != 0
    assert document["stores"][0]["failed"] == 1
    assert document["stores"][0]["waiting"] == 5
    assert "Username and Password" in document["stores"][0]["reasons"][0]
    assert bench.calls("token") == before + 1


def test_a_status_nobody_knows_is_kept_and_said(bench: Bench) -> None:
    bench.place()
    bench.push()
    bench.sim.faults.add("order_status", action="status", status=200, body='{"OrderStatus": 42}')

    bench.poll()

    row = bench.row()
    assert row.state == "in_pos"
    assert "42" in row.cova_status
    assert "42" in row.warning
    assert bench.shop.status("1") == "confirmed"


def test_a_fulfilment_nobody_knows_is_kept_and_said(bench: Bench) -> None:
    row = bench.place()
    bench.push()
    with bench.sim.state.lock:
        bench.sim.state.orders[row.cova_order_id].fulfilment = "AtTheDoor"

    bench.poll()

    assert bench.row().state == "in_pos"
    assert "AtTheDoor" in bench.row().cova_status
    assert "AtTheDoor" in bench.row().warning
    assert bench.shop.status("1") == "confirmed"


# --- reconcile ------------------------------------------------------------------------------------


def _differences(bench: Bench) -> dict[str, dict[str, Any]]:
    code, document = bench.command("reconcile", "--store", "s1")
    assert document["agrees"] is (not document["differences"])
    assert (code == 0) is document["agrees"]
    return {each["subject"]: each for each in document["differences"]}


def test_reconcile_shows_where_shop_and_cova_differ(both: Bench) -> None:
    both.shop.run("sync", "--store", "s1")
    rows = {each: both.place(each) for each in ("lost", "completed", "fine")}
    both.push()
    both.shop.place("missed", both.lines(), send=NO_SIGNAL)
    both.sim.register.complete(rows["completed"].cova_order_id)
    with both.sim.state.lock:
        del both.sim.state.orders[rows["lost"].cova_order_id]

    found = _differences(both)

    orders = {subject: each["kind"] for subject, each in found.items() if " " not in subject}
    assert orders == {
        "lost": "order_missing_in_cova",
        "completed": "order_status_differs",
        "missed": "order_not_queued",
    }
    assert found["completed"]["plugin"] == "in_pos"
    assert "Completed" in found["completed"]["cova"] or "8" in found["completed"]["cova"]
    assert all(each["fix"] for each in found.values())
    # Reading only: nothing was changed by looking.
    assert not both.has_row("missed")
    assert both.row("completed").state == "in_pos"


def test_reconcile_agrees_once_everything_is_told(both: Bench) -> None:
    both.shop.run("sync", "--store", "s1")
    row = both.place()
    both.push()
    both.sim.register.complete(row.cova_order_id)
    both.poll()
    both.advance(5)
    both.shop.run("sync", "--store", "s1")

    assert _differences(both) == {}


def test_a_withdrawal_from_the_pages_does_not_say_that_the_shop_cancelled(bench: Bench) -> None:
    bench.place()

    assert bench.command("orders", "cancel", "1")[0] == 0

    assert bench.row().state == "withdrawn"
    assert bench.event_names() == ["queued", "withdraw_asked", "withdrawn"]
    assert "The shop's own order stays as it is" in bench.story()
    assert bench.holds() == []
