"""Fees become lines of their own products; an order edited in the shop is sent as it is now."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from aiq_cova_plugin.services.choices.order_settings import (
    TypedOrderSettings,
    as_typed,
    read_order_settings,
    save_order_settings,
)
from aiq_cova_plugin.services.orders import follow_edit

from tests.integration.orders.kit import Bench
from tests.support.shop import ADA, MAPLE_STREET


def set_fees(bench: Bench, *fees: tuple[str, str]) -> None:
    with bench.shop.app.app_context():
        typed = as_typed(read_order_settings(bench.ctx, "s1"))
        changed = TypedOrderSettings(**{**vars(typed), "fees": list(fees)})
        save_order_settings(bench.ctx, "s1", changed, by="a test")


def lines_in_cova(bench: Bench) -> list[tuple[str, str, str]]:
    (request,) = [each for each in bench.sim.requests("submit_order") if each["status"] < 300][-1:]
    return [
        (each["Name"], each["CatalogItemId"], str(Decimal(str(each["LineDollarAmount"]))))
        for each in request["body"]["Lines"]
    ]


def fee_product(bench: Bench) -> str:
    return str(bench.sim.delivery_fee_product_id)


def test_fees_are_sent_as_lines_to_the_cent(both: Bench) -> None:
    set_fees(both, ("Packaging", fee_product(both)), ("Rush  hour", fee_product(both)))
    both.deliver(fee="4.99")
    both.change_order(fees=[["packaging", "0.35"], ["Rush hour", "2.10"], ["Gift wrap", "0"]])

    both.push()

    order = both.assert_sent_once(both.row())
    product = both.sim.ordinary_products(1)[0]
    amounts = {line["name"]: Decimal(str(line["amount"])) for line in order["lines"]}
    assert amounts == {
        "Line 1": Decimal("10.00"),
        "Delivery fee": Decimal("4.99"),
        "packaging": Decimal("0.35"),
        "Rush hour": Decimal("2.10"),
    }
    assert product
    assert both.row().host_total == Decimal("17.44")


def test_a_fee_without_a_product_waits_for_a_person(both: Bench) -> None:
    both.place()
    both.change_order(fees=[["Packaging", "0.35"]])

    both.push()

    row = both.row()
    assert (row.state, row.kind) == ("needs_attention", "UnmappedProduct")
    assert "the fee “Packaging” of 0.35" in row.reason
    assert "Order settings" in row.fix
    assert both.sim.orders() == []
    set_fees(both, ("Packaging", fee_product(both)))
    assert both.go_on(retry=True).state == "in_pos"


@pytest.mark.parametrize("amount", ["-1", "NaN"])
def test_an_impossible_fee_is_said(bench: Bench, amount: str) -> None:
    set_fees(bench, ("Packaging", fee_product(bench)))
    bench.place()
    bench.change_order(fees=[["Packaging", amount]])

    bench.push()

    assert bench.row().state == "needs_attention"
    assert bench.sim.orders() == []


def held(bench: Bench) -> dict[str, Any]:
    return {each["cova_product_id"]: each["quantity"] for each in bench.holds()}


def test_an_edited_order_is_sent_and_held_as_it_is_now(both: Bench) -> None:
    first, second = both.sim.ordinary_products(2)
    both.place(lines=[(first, "Gelato", "2", "20.00")], customer={**ADA, "phone": ""})
    both.push()
    assert both.row().state == "needs_attention"
    both.change_order(
        customer=ADA,
        lines=[[first, "Gelato", "1", "10.00"], [second, "Cookies", "3", "36.00"]],
        delivery={"address": MAPLE_STREET, "fee": "0"},
    )
    both.command("orders", "retry", "1")

    both.push()

    row = both.row()
    assert (row.state, row.host_total, row.is_delivery) == ("in_pos", Decimal("46.00"), True)
    assert "its total was 20.00 and is 46.00" in both.story()
    assert {key: Decimal(value) for key, value in held(both).items()} == {
        first.lower(): Decimal(1),
        second.lower(): Decimal(3),
    }
    assert len(both.assert_sent_once(row)["lines"]) == 2


def test_a_cancel_while_an_edit_is_followed_frees_the_stock_for_good(
    both: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    (product,) = both.sim.ordinary_products(1)
    both.place()
    both.change_order(lines=[[product, "Line 1", "2", "20.00"]])
    looked = follow_edit.holds_of_order

    def look_then_cancel(*args: Any) -> Any:
        found = looked(*args)
        if not both.row().cancel_requested:
            cancels.append(both.shop.send("aiq.order-cancelled", "1"))
        return found

    cancels: list[object] = []
    monkeypatch.setattr(follow_edit, "holds_of_order", look_then_cancel)
    both.push()

    assert both.go_on().state == "withdrawn"
    assert cancels
    assert both.holds() == []
