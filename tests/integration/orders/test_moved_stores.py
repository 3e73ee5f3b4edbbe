"""A store that is connected to another company or location while its orders are on their way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from aiq_cova_plugin.services.compare.reconcile import reconcile
from aiq_cova_plugin.simulator import Simulator
from aiq_cova_plugin.store import push_times

from tests.integration.orders.kit import Bench, config_for, customer, settings_for
from tests.support.many_companies import ManyCompanies, connection_of
from tests.support.shop import Shop


@pytest.fixture(scope="module")
def companies() -> ManyCompanies:
    return ManyCompanies(2, products=20)


@pytest.fixture
def moving(companies: ManyCompanies, sqlite_url: str) -> Iterator[Bench]:
    """A shop whose store s1 is connected to the first of two companies; `sim` is that one."""
    old, new = companies.simulators
    old.reset()
    new.reset()
    with companies.serving() as url:
        config = config_for(old) | {"COVA_API_URL": url, "COVA_TOKEN_URL": f"{url}/v1/oauth2/token"}
        shop = Shop(sqlite_url, **config)
        with closing(Bench(old, shop)) as bench:
            _connect(bench, old)
            yield bench
    assert companies.broken == []


def _connect(bench: Bench, company: Simulator, **more: Any) -> None:
    settings = connection_of(company, url="") | {"integrator_id": company.integrator_id}
    bench.shop.cova.connect_store(
        bench.shop.app, "s1", check=False, enabled=True, sync_orders=True, **settings, **more
    )


def _sent_without_answer(bench: Bench) -> None:
    fault = bench.sim.faults.add("submit_order", action="reset_after", times=1)
    status = bench.sim.faults.add("order_status", action="unavailable", times=None)
    bench.place()
    bench.push()
    bench.sim.faults.remove(fault.id)
    bench.sim.faults.remove(status.id)
    assert bench.row().state == "checking"


def _untouched(company: Simulator) -> bool:
    """Was this company neither asked about an order nor sent one?"""
    about_orders = ("order_status", "read_order", "submit_order", "cancel_order")
    return company.orders() == [] and not any(company.requests(each) for each in about_orders)


def test_an_order_being_checked_is_neither_asked_about_nor_sent_at_another_company(
    moving: Bench, companies: ManyCompanies
) -> None:
    old, new = companies.simulators
    _sent_without_answer(moving)
    _connect(moving, new)
    moving.advance(3600)

    moving.push()

    row = moving.row()
    assert (row.state, row.kind) == ("needs_attention", "SentElsewhere")
    assert str(old.company_id) in row.reason
    assert str(new.company_id) in row.reason
    assert f"Put Company ID {old.company_id} back" in row.fix
    assert moving.command("orders", "retry", "1")[0] == 0
    moving.push()
    code, document = moving.command("orders", "by-hand", "1")
    assert code != 0
    assert str(old.company_id) in document["error"]["message"]
    assert moving.row().state == "needs_attention"
    assert _untouched(new)


def test_put_back_it_goes_on_by_itself_and_is_there_once(
    moving: Bench, companies: ManyCompanies
) -> None:
    old, new = companies.simulators
    _sent_without_answer(moving)
    _connect(moving, new)
    moving.advance(3600)
    moving.push()

    _connect(moving, old)
    row = moving.go_on()

    assert row.state == "in_pos"
    assert [each["id"] for each in old.orders()] == [row.cova_order_id]
    assert _untouched(new)


def test_an_order_at_the_register_of_the_old_company_is_not_polled_at_the_new_one(
    moving: Bench, companies: ManyCompanies
) -> None:
    old, new = companies.simulators
    moving.place()
    moving.push()
    _connect(moving, new)
    moving.advance(600)

    report = moving.poll()
    again = moving.poll(only_due=True)

    assert (report.needs_attention, again.changed) == (1, 0)
    with moving.shop.app.app_context():
        differences = reconcile(moving.ctx, "s1")["differences"]
    assert [each["kind"] for each in differences if each["order_id"]] == ["order_needs_person"]
    assert (moving.row().state, moving.row().kind) == ("needs_attention", "SentElsewhere")
    assert len(moving.signals("order-needs-attention")) == 1
    assert _untouched(new)
    _connect(moving, old)
    old.register.complete(moving.row().cova_order_id)
    moving.poll(only_due=True)
    assert moving.row().state == "completed"
    assert moving.row().reason == ""


def test_withdrawing_it_ends_it_here_and_touches_neither_company(
    moving: Bench, companies: ManyCompanies
) -> None:
    old, new = companies.simulators
    moving.place()
    moving.push()
    _connect(moving, new)
    moving.poll()

    moving.command("orders", "cancel", "1")

    assert moving.row().state == "withdrawn"
    assert f"see to it in COVA company {old.company_id}" in moving.story()
    assert moving.holds() == []
    assert old.requests("cancel_order") == []
    assert _untouched(new)


def test_a_cancel_in_the_shop_is_not_taken_for_done(
    moving: Bench, companies: ManyCompanies
) -> None:
    _old, new = companies.simulators
    moving.place()
    moving.push()
    _connect(moving, new)
    moving.shop.send("aiq.order-cancelled", "1")

    moving.push()

    row = moving.row()
    assert (row.state, row.kind) == ("needs_attention", "SentElsewhere")
    assert "The shop has cancelled it." in row.reason
    assert _untouched(new)
    assert moving.command("orders", "retry", "1")[0] == 0
    moving.push()
    assert moving.row().state == "withdrawn"
    assert _untouched(new)


def test_retry_ends_an_order_at_another_company_only_once_somebody_has_read_so(
    moving: Bench, companies: ManyCompanies
) -> None:
    """COVA would not cancel it, and Retry was pressed for that after the store had moved."""
    old, new = companies.simulators
    moving.place()
    moving.push()
    old.faults.add("cancel_order", action="status", status=400, times=1)
    moving.shop.send("aiq.order-cancelled", "1")
    moving.push()
    assert moving.row().kind == "NeedsOperator"
    _connect(moving, new)

    assert moving.command("orders", "retry", "1")[0] == 0
    moving.push()

    assert (moving.row().state, moving.row().kind) == ("needs_attention", "SentElsewhere")
    assert moving.command("orders", "retry", "1")[0] == 0
    moving.push()
    assert moving.row().state == "withdrawn"
    assert _untouched(new)


def test_what_the_old_company_refused_is_not_sent_to_the_new_one_unasked(
    moving: Bench, companies: ManyCompanies
) -> None:
    old, new = companies.simulators
    refused = old.faults.add("submit_order", action="status", status=400, times=None)
    moving.place()
    moving.push()
    assert moving.row().kind == "Rejected"
    old.faults.remove(refused.id)

    _connect(moving, new)
    moving.push()

    assert moving.row().kind == "Rejected"
    assert _untouched(new)
    _connect(moving, old)
    moving.push()
    assert moving.row().state == "in_pos"


# --- another location of the same company -----------------------------------------------------


def _other_location(bench: Bench) -> int:
    return next(
        each.id
        for each in bench.sim.account.locations
        if each.id != settings_for(bench.sim)["location_id"]
    )


def test_an_order_that_is_in_cova_is_followed_whatever_the_location(bench: Bench) -> None:
    fault = bench.sim.faults.add("submit_order", action="reset_after", times=1)
    status = bench.sim.faults.add("order_status", action="unavailable", times=None)
    bench.place()
    bench.push()
    bench.sim.faults.remove(fault.id)
    bench.sim.faults.remove(status.id)
    bench.shop.cova.connect_store(
        bench.shop.app, "s1", check=False, location_id=_other_location(bench)
    )

    row = bench.go_on()

    assert row.state == "in_pos"
    bench.assert_sent_once(row)


def test_an_order_that_never_arrived_goes_to_another_location_only_on_demand(bench: Bench) -> None:
    bench.sim.faults.add("submit_order", action="reset_before", times=1)
    bench.place()
    bench.push()
    other = _other_location(bench)
    bench.shop.cova.connect_store(bench.shop.app, "s1", check=False, location_id=other)

    row = bench.go_on()

    assert (row.state, row.kind) == ("needs_attention", "SentElsewhere")
    assert f"Press Retry to send it to location {other}" in row.fix
    assert bench.sim.orders() == []
    assert bench.command("orders", "retry", "1")[0] == 0
    bench.push()
    assert bench.row().kind != "SentElsewhere"
    assert bench.row().location_id == other


def test_a_changed_tax_setting_answers_no_question_of_the_location(bench: Bench) -> None:
    bench.sim.switches.update({"tax_pricing": "Exclusive"})
    bench.place("first", customer=customer(phone="303-555-0199"))
    bench.push()
    bench.sim.faults.add("submit_order", action="non_transient_failure", times=1, message="Tax.")
    bench.place()
    bench.push()
    assert bench.row().kind == "Rejected"
    assert bench.row().submitted_at is not None
    bench.shop.cova.connect_store(
        bench.shop.app, "s1", check=False, location_id=_other_location(bench)
    )
    with bench.shop.app.app_context(), bench.ctx.database.short() as connection:
        woken = push_times.wake_refused(
            connection, "s1", sent_otherwise_than="Inclusive", now=bench.clock.now()
        )
    assert woken == 1
    sent = bench.calls("submit_order")

    row = bench.go_on()

    assert (row.state, row.kind) == ("needs_attention", "SentElsewhere")
    assert bench.calls("submit_order") == sent


def test_a_retry_for_another_reason_answers_no_question_of_the_location(bench: Bench) -> None:
    bench.sim.faults.add("submit_order", action="non_transient_failure", times=1, message="No.")
    bench.place()
    bench.push()
    other = _other_location(bench)
    bench.shop.cova.connect_store(bench.shop.app, "s1", check=False, location_id=other)

    assert bench.command("orders", "retry", "1")[0] == 0
    bench.push()

    assert (bench.row().state, bench.row().kind) == ("needs_attention", "SentElsewhere")
    assert bench.calls("submit_order") == 1
