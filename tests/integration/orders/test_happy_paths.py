"""One order's whole way: out of the shop, into the register, and its status back."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.integration.orders.kit import ADA_DIGITS, Bench
from tests.support.shop import MAPLE_STREET


def test_pickup_order_reaches_the_register(both: Bench) -> None:
    products = both.sim.ordinary_products(2)
    both.place(
        "1001",
        lines=[(products[0], "Gelato", "2", "59.98"), (products[1].upper(), "Cone", "1", "7.50")],
    )

    report = both.push()

    row = both.row("1001")
    order = both.assert_sent_once(row)
    assert row.state == "in_pos"
    assert report.as_document() == {
        "store_id": "s1",
        "handled": 1,
        "changed": 1,
        "waiting": 0,
        "needs_attention": 0,
        "failed": 0,
    }
    assert order["external_order_id"] == "WEB-1001"
    assert order["order_reference"] == "Ada Example"
    assert order["integrator_id"] == both.sim.integrator_id
    assert order["location_id"] == both.sim.location_id
    assert order["is_delivery"] is False
    assert order["tax_style"] == "TEP"
    assert order["status"] == "ReadyForPayment"
    assert [(line["product_id"], line["quantity"], line["amount"]) for line in order["lines"]] == [
        (products[0], Decimal(2), Decimal("59.98")),
        (products[1], Decimal(1), Decimal("7.50")),
    ]
    (person,) = both.customers_with()
    assert person["first_name"] == "Ada"
    assert person["last_name"] == "Example"
    assert person["phones"] == [ADA_DIGITS]
    assert person["emails"] == ["ada@example.com"]
    assert person["date_of_birth"] == "1990-04-01"
    assert person["addresses"] == []
    assert both.calls("add_address") == both.calls("update_address") == 0
    assert both.signals("order-pushed") == [
        {"store_id": "s1", "order_id": "1001", "cova_order_id": row.cova_order_id}
    ]


def test_delivery_order_brings_its_address_and_its_fee(both: Bench) -> None:
    both.deliver("1001", fee="4.95")

    both.push()

    order = both.assert_sent_once(both.row("1001"))
    assert order["is_delivery"] is True
    fee = order["lines"][-1]
    assert fee["product_id"] == both.sim.delivery_fee_product_id
    assert (fee["quantity"], fee["amount"]) == (Decimal(1), Decimal("4.95"))
    (address,) = both.customers_with()[0]["addresses"]
    assert (address["street1"], address["street2"]) == ("12 Maple Street", "Apt 4")
    assert (address["city"], address["state_code"]) == ("Denver", "CO")
    assert (address["country_code"], address["postal_code"]) == ("US", "80202")
    assert address["type_id"] == 3
    assert address["is_default"] is True


def test_free_delivery_has_no_fee_line(bench: Bench) -> None:
    bench.deliver(fee="0")

    bench.push()

    assert len(bench.assert_sent_once(bench.row())["lines"]) == 1


def test_fee_without_a_product_waits_for_a_person(bench: Bench) -> None:
    bench.shop.cova.connect_store(bench.shop.app, "s1", check=False, delivery_fee_product="")
    bench.deliver(fee="4.95")

    bench.push()

    row = bench.row()
    assert row.state == "needs_attention"
    assert "delivery fee of 4.95" in row.reason
    assert "delivery-fee product" in row.fix
    assert bench.sim.orders() == []


@pytest.mark.parametrize("setting", ["Inclusive", "Exclusive", "absent"])
def test_tax_style_decides_the_call(bench: Bench, setting: str) -> None:
    bench.sim.switches.update({"tax_pricing": setting})
    bench.place()

    bench.push()

    order = bench.assert_sent_once(bench.row())
    assert order["tax_style"] == ("TIP" if setting == "Inclusive" else "TEP")
    assert order["received_puts"] == 1
    row = bench.row()
    assert row.sale_total == order["sale_total"]
    # What the shopper pays is told where it is not what the shop says; tax is no difference.
    assert ("total" in bench.event_names()) is (setting != "Inclusive")
    assert "total_differs" not in bench.event_names()


def test_a_total_that_is_not_the_shop_s_is_shown(bench: Bench) -> None:
    bench.sim.switches.update({"tax_pricing": "Inclusive"})
    bench.place()
    bench.sim.faults.add(
        "order_status", action="status", status=200, body='{"OrderStatus": 4, "SaleTotal": 11.25}'
    )

    bench.push()

    assert "COVA's total is 11.25, the shop's 10.00." in bench.story()
    assert "total_differs" in bench.event_names()


def test_tax_setting_is_read_once_a_day(bench: Bench) -> None:
    bench.place("1")
    bench.push()
    bench.place("2")
    bench.push()
    assert bench.calls("tax_configuration") == 1

    bench.advance(25 * 3600)
    bench.place("3")
    bench.push()

    assert bench.calls("tax_configuration") == 2


@pytest.mark.parametrize("invalid_order", ["error_400", "status"])
def test_changed_tax_setting_is_noticed_when_cova_refuses(bench: Bench, invalid_order: str) -> None:
    """The setting is remembered for a day, so a store that changes it is noticed by a refusal."""
    bench.sim.switches.update({"invalid_order": invalid_order})
    bench.place("1")
    bench.push()
    bench.sim.switches.update({"tax_pricing": "Inclusive"})

    bench.place("2")
    row = bench.go_on("2")

    assert row.state == "in_pos", row.reason
    second = bench.sim.orders()[1]
    assert (second["id"], second["tax_style"]) == (row.cova_order_id, "TIP")
    assert "tax_style_changed" in bench.event_names("2")
    assert bench.signals("order-needs-attention") == []


@pytest.mark.parametrize("enum_style", ["number", "name"])
@pytest.mark.parametrize("status_unknown_reads", [0, 1, 6])
def test_asynchronous_register_is_waited_for(
    both: Bench, enum_style: str, status_unknown_reads: int
) -> None:
    both.sim.switches.update(
        {
            "order_mode": "asynchronous",
            "enum_style": enum_style,
            "status_unknown_reads": status_unknown_reads,
            "order_step_seconds": 20,
            "repeated_put": "duplicate",
        }
    )
    both.place()

    row = both.go_on()

    assert row.state == "in_pos"
    assert both.assert_sent_once(row)["received_puts"] == 1
    assert len(both.signals("order-pushed")) == 1
    assert both.signals("order-needs-attention") == []


def test_asynchronous_refusal_needs_attention(bench: Bench) -> None:
    bench.sim.switches.update({"order_mode": "asynchronous", "order_step_reads": 3})
    bench.sim.faults.add(
        "submit_order", action="non_transient_failure", message="The tax does not fit."
    )
    bench.place()

    row = bench.go_on()

    assert row.state == "needs_attention"
    assert "The tax does not fit." in row.reason


@pytest.mark.parametrize("enum_style", ["number", "name"])
def test_status_flows_back_to_the_shop(both: Bench, enum_style: str) -> None:
    both.sim.switches.update({"enum_style": enum_style})
    row = both.place()
    both.push()
    guid = row.cova_order_id
    seen = []

    for step in ("OrderPlaced", "InProgress", "ReadyForPickup"):
        both.sim.register.set_fulfilment(guid, step)
        report = both.poll()
        assert (report.handled, report.waiting, report.failed) == (1, 1, 0)
        seen.append(both.shop.status("1"))
    both.sim.register.complete(guid)
    both.poll()
    seen.append(both.shop.status("1"))

    assert seen == ["confirmed", "in_progress", "ready_for_pickup", "completed"]
    assert both.row().state == "completed"
    assert both.signals("order-status-changed") == [
        {"store_id": "s1", "order_id": "1", "status": status} for status in seen[1:]
    ]
    assert [hold["state"] for hold in both.holds()] == ["settling"]
    assert both.poll().handled == 0


def test_delivery_order_is_never_called_ready_for_pickup(bench: Bench) -> None:
    row = bench.deliver()
    bench.push()

    bench.sim.register.set_fulfilment(row.cova_order_id, "ReadyForPickup")
    bench.poll()

    assert bench.shop.status("1") == "in_progress"


def test_an_order_without_news_changes_nothing(bench: Bench) -> None:
    bench.place()
    bench.push()
    before = bench.event_names()

    report = bench.poll()

    assert (report.handled, report.changed, report.waiting) == (1, 0, 1)
    assert bench.event_names() == before
    assert bench.signals("order-status-changed") == []


def test_poll_of_due_orders_leaves_the_others_alone(bench: Bench) -> None:
    bench.place()
    bench.push()

    assert bench.poll(only_due=True).handled == 0
    bench.advance(31)
    assert bench.poll(only_due=True).handled == 1


def test_old_orders_are_asked_about_less_often(bench: Bench) -> None:
    bench.place()
    bench.push()
    delays = []

    for age in (0, 3600, 2 * 86400, 8 * 86400):
        bench.advance(age)
        bench.poll()
        due_at = bench.row().poll_due_at
        assert due_at is not None
        delays.append((due_at - bench.clock.now()).total_seconds())

    assert delays == [30, 120, 600, 7200]


def test_timeline_tells_the_story_in_plain_words(bench: Bench) -> None:
    row = bench.deliver()
    bench.push()
    bench.sim.register.complete(row.cova_order_id)
    bench.poll()

    names = bench.event_names()
    assert names == [
        "queued",
        "sending",
        "creating_customer",
        "customer",
        "address",
        "submitting",
        "submitted",
        "in_pos",
        "total",
        "completed",
        "host_told",
    ]
    story = bench.story()
    assert row.cova_order_id in story
    assert bench.customers_with()[0]["id"] in story
    for private in ("303", "ada@example.com", "Maple"):
        assert private not in story.replace(row.cova_order_id, "").replace(
            bench.customers_with()[0]["id"], ""
        )


def test_documents_of_the_commands(both: Bench) -> None:
    row = both.place("1001")
    numbers = {"needs_attention": 0, "failed": 0}

    listed = both.command("orders", "list")
    assert listed[0] == 0
    (queued,) = listed[1]["orders"]
    assert queued.pop("next_attempt_at") is not None
    assert queued == {
        "order_id": "1001",
        "store_id": "s1",
        "state": "queued",
        "cova_order_id": row.cova_order_id,
        "attempts": 0,
        "reason": "",
        "paused": False,
    }
    assert both.command("orders", "push") == (
        0,
        {"stores": [{"store_id": "s1", "handled": 1, "changed": 1, "waiting": 0, **numbers}]},
    )
    code, polled = both.command("orders", "poll", "--store", "s1")
    assert code == 0
    assert polled["stores"][0].items() >= {"store_id": "s1", "handled": 1, "waiting": 1}.items()
    assert both.command("orders", "sweep")[1] == {
        "stores": [{"store_id": "s1", "handled": 0, "changed": 0, "waiting": 0, **numbers}]
    }
    code, shown = both.command("orders", "show", "1001")
    assert code == 0
    assert (
        shown.items()
        >= {
            "order_id": "1001",
            "state": "in_pos",
            "cova_customer_id": both.customers_with()[0]["id"],
            "next_attempt_at": None,
        }.items()
    )
    assert all(set(step) == {"at", "event", "detail"} for step in shown["timeline"])
    assert both.command("orders", "list", "--state", "queued")[1] == {"orders": []}
    (hold,) = both.holds()
    expected: dict[str, Any] = {
        "store_id": "s1",
        "order_id": "1001",
        "cova_product_id": both.sim.ordinary_products(1)[0],
        "quantity": 1,
        "state": "active",
    }
    assert hold.pop("since")
    assert hold == expected


def test_the_real_token_store_serves_two_runs(bench: Bench) -> None:
    """With the plugin's own client: the token of the first run is found in the database."""
    from aiq_cova_plugin.cova.rate_limit import PROCESS_BUDGET, RateBudget
    from aiq_cova_plugin.wiring import build_services

    assert isinstance(PROCESS_BUDGET, RateBudget)
    state = bench.shop.app.extensions["cova"]
    for order_id in ("1", "2"):
        state.services = build_services(
            bench.shop.app, db=bench.shop.db, host=bench.shop.host, config=state.services.config
        )
        bench.place(order_id, address=MAPLE_STREET)
        bench.push()
        assert bench.row(order_id).state == "in_pos"

    assert bench.calls("token") == 1
