"""Orders that stopped for the store's log-in or settings go on by themselves once those are right."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from aiq_cova_plugin.services.connection.connection_settings import check_settings, save_settings
from aiq_cova_plugin.store.connections import save_sync_state

from tests.integration.orders.kit import Bench, customer, settings_for


def _log_in_refused(bench: Bench) -> int:
    fault = bench.sim.faults.add(
        "token", action="status", status=400, body='{"error": "invalid_grant"}', times=None
    )
    return int(fault.id)


def _three_orders(bench: Bench) -> None:
    for number in ("1", "2", "3"):
        bench.place(number, customer=customer(phone=f"303-555-013{number}"))


def _save(bench: Bench, **changes: Any) -> None:
    with bench.shop.app.app_context():
        save_settings(bench.ctx, "s1", changes, check=False, by="Robin")


def _in_cova(bench: Bench) -> list[str]:
    return sorted(order["id"] for order in bench.sim.orders())


def test_a_corrected_password_sends_every_order_once_without_a_retry(both: Bench) -> None:
    refused = _log_in_refused(both)
    _three_orders(both)
    both.push()
    assert both.row("1").kind == "BadCredentials"
    both.sim.faults.remove(refused)

    _save(both, password=settings_for(both.sim)["password"])
    both.push()
    both.push()

    rows = [both.row(each) for each in "123"]
    assert [row.state for row in rows] == ["in_pos"] * 3
    assert _in_cova(both) == sorted(row.cova_order_id for row in rows)
    assert "resumed" in both.event_names("1")
    assert both.calls("submit_order") == 3


def test_saving_something_else_does_not_try_a_refused_log_in_again(bench: Bench) -> None:
    _log_in_refused(bench)
    _three_orders(bench)
    bench.push()
    tried = bench.calls("token")

    _save(bench, address_policy="beside")
    bench.push()

    assert bench.row("1").state == "needs_attention"
    assert bench.calls("token") == tried


def test_a_test_of_what_is_stored_that_succeeds_sends_them_on(bench: Bench) -> None:
    refused = _log_in_refused(bench)
    _three_orders(bench)
    bench.push()
    bench.sim.faults.remove(refused)

    with bench.shop.app.app_context():
        steps = check_settings(bench.ctx, "s1", {"enabled": True})
    bench.push()

    assert all(step.ok for step in steps)
    assert [bench.row(each).state for each in "123"] == ["in_pos"] * 3


def test_an_order_of_unknown_outcome_is_asked_about_before_anything_is_sent(bench: Bench) -> None:
    lost = bench.sim.faults.add("submit_order", action="timeout_after_effect", times=1)
    status = bench.sim.faults.add("order_status", action="unavailable", times=None)
    bench.place()
    bench.push()
    bench.sim.faults.remove(lost.id)
    bench.sim.faults.remove(status.id)
    bench.advance(13 * 3600)  # the token is old by now
    refused = _log_in_refused(bench)
    bench.push()
    assert (bench.row().state, bench.row().kind) == ("needs_attention", "BadCredentials")
    bench.sim.faults.remove(refused)

    _save(bench, password=settings_for(bench.sim)["password"])
    row = bench.go_on()

    assert row.state == "in_pos"
    assert "resending" not in bench.event_names()
    bench.assert_sent_once(row)


def test_a_permission_given_at_cova_is_seen_with_the_next_order_that_gets_through(
    bench: Bench,
) -> None:
    forbidden = bench.sim.faults.add("submit_order", action="forbidden", times=None)
    bench.place("1")
    bench.push()
    assert bench.row("1").kind == "NotPermitted"
    bench.sim.faults.remove(forbidden.id)
    bench.place("2")

    bench.push()

    assert [bench.row(each).state for each in "12"] == ["in_pos", "in_pos"]
    assert "resumed_by_itself" in bench.event_names("1")


def _good_sync(bench: Bench) -> None:
    with bench.shop.app.app_context(), bench.ctx.database.short() as connection:
        save_sync_state(connection, "s1", {"last_good_at": bench.clock.now()})


def _later_with_a_good_sync(bench: Bench) -> None:
    bench.advance(600)
    _good_sync(bench)
    bench.sweep()
    bench.push()


def test_what_was_forbidden_is_tried_again_behind_others_and_not_because_of_a_sync(
    bench: Bench,
) -> None:
    _three_orders(bench)
    bench.sim.faults.add("submit_order", action="forbidden", times=1)
    bench.push()
    bench.push()
    assert bench.row("1").state == "in_pos"  # tried once more behind the two others
    bench.sim.faults.add("submit_order", action="forbidden", times=None)
    bench.place("4")
    bench.push()

    for _ in range(3):
        _later_with_a_good_sync(bench)

    assert bench.row("4").state == "needs_attention"
    assert "resumed_by_itself" not in bench.event_names("4")


def test_what_a_good_sync_shows_to_be_right_is_tried_again_once(bench: Bench) -> None:
    _log_in_refused(bench)
    bench.place()
    bench.push()
    _good_sync(bench)
    bench.sweep()
    assert bench.row().state == "needs_attention"  # it stopped no earlier than that sync

    for _ in range(3):
        _later_with_a_good_sync(bench)

    assert bench.row().kind == "BadCredentials"
    assert bench.event_names().count("resumed_by_itself") == 1


def test_an_integrator_id_set_by_the_operator_is_noticed_by_the_sweep(bench: Bench) -> None:
    _save(bench, integrator_id="")
    bench.place()
    bench.push()
    assert bench.row().kind == "MissingSetting"
    for _ in range(2):
        _later_with_a_good_sync(bench)
    assert len(bench.signals("order-needs-attention")) == 1

    with_id = dataclasses.replace(bench.ctx.config, integrator_id=bench.sim.integrator_id)
    bench.use(config=with_id)
    bench.sweep()
    bench.push()

    assert bench.row().state == "in_pos"


def test_an_order_that_stopped_long_ago_is_left_to_a_person(bench: Bench) -> None:
    refused = _log_in_refused(bench)
    bench.place("1", customer=customer(phone="303-555-0131"))
    bench.push()
    bench.advance(30 * 86400)
    bench.place("2", customer=customer(phone="303-555-0132"))
    bench.push()
    bench.sim.faults.remove(refused)

    _save(bench, password=settings_for(bench.sim)["password"])
    bench.push()
    _later_with_a_good_sync(bench)

    assert [bench.row(each).state for each in "12"] == ["needs_attention", "in_pos"]
    assert "it stopped 30 days ago: press Retry if it is still wanted" in bench.row("1").fix
    assert bench.event_names("1").count("not_resumed") == 1
    assert bench.command("orders", "retry", "1")[0] == 0
    bench.push()
    assert bench.row("1").state == "in_pos"


@pytest.mark.parametrize("value", ["", "11111111-2222-4333-8444-555555555555"])
def test_a_missing_integrator_id_is_a_matter_of_saving_it(bench: Bench, value: str) -> None:
    _save(bench, integrator_id="")
    bench.place()
    bench.push()
    assert bench.row().kind == "MissingSetting"

    _save(bench, integrator_id=value and bench.sim.integrator_id)
    bench.push()

    assert bench.row().state == ("in_pos" if value else "needs_attention")
