"""What each command prints with `--json`, and how it exits."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from aiq_cova_plugin.host import OrderLine
from aiq_cova_plugin.store import holds

from tests.support.connected import FEED, ConnectedShop, connection_of

SYNC_KEYS = {
    "store_id", "run_id", "mode", "status", "fetched", "created", "updated", "hidden",
    "unchanged", "failed", "api_calls", "seconds", "issues",
}  # fmt: skip


def test_sync_prints_one_document_per_store(shop: ConnectedShop, run: Any) -> None:
    code, document = run("sync", "--store", "s1")

    assert code == 0
    (store,) = document["stores"]
    assert set(store) >= SYNC_KEYS
    assert (store["store_id"], store["mode"], store["status"]) == ("s1", "full", "succeeded")
    assert store["run_id"] == shop.runs()[0].id
    assert store["created"] == len(shop.shop.products())
    assert all(set(issue) >= {"cova_product_id", "field", "reason"} for issue in store["issues"])
    assert isinstance(store["seconds"], float)
    assert "changes" not in store


def test_sync_all_takes_every_store_that_is_on(shop: ConnectedShop, run: Any) -> None:
    code, document = run("sync", "--all")

    assert code == 0
    assert [store["store_id"] for store in document["stores"]] == ["s1"]


def test_sync_all_goes_on_when_one_store_fails(shop: ConnectedShop, run: Any) -> None:
    shop.shop.cova.connect_store(
        shop.shop.app,
        "s2",
        check=False,
        enabled=True,
        **connection_of(shop.sim) | {"location_id": 999_999},
    )

    code, document = run("sync", "--all")

    assert code == 1
    by_store = {store["store_id"]: store for store in document["stores"]}
    assert by_store["s1"]["status"] == "succeeded"
    assert by_store["s2"]["status"] == "failed"
    assert set(by_store["s2"]) >= SYNC_KEYS


def test_a_partial_run_exits_with_an_error(shop: ConnectedShop, run: Any) -> None:
    shop.shop.host.refused_products[shop.ordinary()[0]] = "No."

    code, document = run("sync", "--store", "s1")

    assert code == 1
    assert document["stores"][0]["status"] == "partial"
    assert document["stores"][0]["failed"] == 1


def test_a_failed_run_says_what_and_what_to_do(shop: ConnectedShop, run: Any) -> None:
    shop.sim.faults.add(FEED, action="server_error", times=None)

    code, document = run("sync", "--store", "s1")

    assert code == 1
    (store,) = document["stores"]
    assert store["status"] == "failed"
    assert store["message"]
    assert store["fix"]


def test_a_held_run_exits_with_an_error_until_it_is_approved(shop: ConnectedShop, run: Any) -> None:
    run("sync", "--store", "s1")
    for each in list(shop.shop.products())[:25]:
        shop.sim.register.archive(each)

    code, document = run("sync", "--store", "s1")
    assert (code, document["stores"][0]["status"]) == (1, "held")

    code, document = run("sync", "--all")
    assert (code, document["stores"][0]["status"]) == (1, "held")

    code, document = run("sync", "--store", "s1", "--approve")
    assert (code, document["stores"][0]["status"]) == (0, "succeeded")
    assert document["stores"][0]["hidden"] == 25


def test_a_preview_prints_old_and_new(shop: ConnectedShop, run: Any) -> None:
    run("sync", "--store", "s1")
    (product_id,) = shop.ordinary()
    old = shop.in_shop(product_id)["price"]
    shop.sim.register.set_price(product_id, "3.33")

    code, document = run("sync", "--store", "s1", "--preview")

    assert code == 0
    (change,) = document["stores"][0]["changes"]
    assert change == {
        "cova_product_id": product_id,
        "action": "update",
        "fields": {"price": {"old": old, "new": "3.33"}},
    }
    assert shop.in_shop(product_id)["price"] == old


def test_full_reads_everything(shop: ConnectedShop, run: Any) -> None:
    run("sync", "--store", "s1")

    _, increment = run("sync", "--store", "s1")
    _, full = run("sync", "--store", "s1", "--full")

    assert increment["stores"][0]["mode"] == "incremental"
    assert (full["stores"][0]["mode"], full["stores"][0]["fetched"]) == ("full", 40)


def test_holds_are_listed_with_the_quantity_as_a_number(shop: ConnectedShop, run: Any) -> None:
    run("sync", "--store", "s1")
    first, second = shop.ordinary(2)
    shop.shop.place("o1", [(first, "x", "2", "1.00")], send=["aiq.order-placed"])
    shop.shop.place("o2", [(second, "x", "1.5", "1.00")], send=["aiq.order-placed"])
    shop.settle("o2")

    code, document = run("holds", "--store", "s1")

    assert code == 0
    rows = {row["order_id"]: row for row in document["holds"]}
    assert set(rows["o1"]) >= {
        "store_id", "order_id", "cova_product_id", "quantity", "state", "since",
    }  # fmt: skip
    assert (rows["o1"]["quantity"], rows["o1"]["state"]) == (2, "active")
    assert (rows["o2"]["quantity"], rows["o2"]["state"]) == (1.5, "settling")
    assert datetime.fromisoformat(rows["o1"]["since"]).tzinfo is not None
    assert run("holds")[1] == document


def test_no_holds_are_an_empty_list(run: Any) -> None:
    assert run("holds") == (0, {"holds": []})


def test_reconcile_agrees_after_a_sync_and_says_where_it_does_not(
    shop: ConnectedShop, run: Any
) -> None:
    run("sync", "--store", "s1")
    code, document = run("reconcile", "--store", "s1")
    assert (code, document) == (0, {"store_id": "s1", "agrees": True, "differences": []})

    (product_id,) = shop.ordinary()
    shop.sim.register.set_stock(product_id, 1)
    code, document = run("reconcile", "--store", "s1")

    assert code == 1
    assert document["agrees"] is False
    (difference,) = document["differences"]
    assert set(difference) >= {"kind", "subject", "host", "plugin", "cova", "fix"}
    assert difference["kind"] == "stock_differs"
    assert product_id in difference["subject"]
    assert (difference["cova"], difference["plugin"] != "1") == ("1", True)
    assert difference["fix"]


def test_reconcile_finds_a_hold_that_belongs_to_nothing(shop: ConnectedShop, run: Any) -> None:
    run("sync", "--store", "s1")
    (product_id,) = shop.ordinary()
    with shop.shop.app.app_context(), shop.shop.services.database.short() as connection:
        holds.take_holds(
            connection,
            "s1",
            "lost",
            {product_id: Decimal(1)},
            now=shop.clock.now() - timedelta(hours=25),
        )

    code, document = run("reconcile", "--store", "s1")

    assert code == 1
    assert {each["kind"] for each in document["differences"]} == {
        "hold_without_order",
        "quantity_differs",
    }


def test_reconcile_does_not_call_an_unreadable_product_missing(
    shop: ConnectedShop, run: Any
) -> None:
    run("sync", "--store", "s1")
    shop.sim.register.set_lifecycle(shop.ordinary()[0], {"a": 1})  # type: ignore[arg-type]

    _, document = run("reconcile", "--store", "s1")

    assert "product_missing_in_cova" not in {each["kind"] for each in document["differences"]}


def test_doctor_finds_a_healthy_store_healthy(shop: ConnectedShop, run: Any) -> None:
    code, document = run("doctor", "--store", "s1")

    assert code == 0, document
    assert document["ok"] is True
    assert all(set(check) >= {"name", "ok", "message", "fix"} for check in document["checks"])
    names = {check["name"] for check in document["checks"]}
    assert names >= {"tables", "log_in", "products", "tax_style", "integrator_id"}
    assert "phone_at_checkout" in names


@pytest.mark.parametrize(
    ("what", "name"),
    [
        ("phone", "phone_at_checkout"),
        ("off", "enabled"),
        ("integrator", "integrator_id"),
        ("away", "log_in"),
        ("customers", "customers"),
    ],
)
def test_doctor_names_what_is_wrong_and_the_way_out(
    shop: ConnectedShop, run: Any, what: str, name: str
) -> None:
    if what == "phone":
        shop.shop.host.requires_phone = False
    elif what == "off":
        shop.change_settings(enabled=False)
    elif what == "integrator":
        shop.change_settings(integrator_id=None, sync_orders=True)
    elif what == "away":
        shop.sim.stop()
    else:
        shop.sim.faults.add("search_customers", action="forbidden", times=None)

    code, document = run("doctor", "--store", "s1")

    assert code == 1
    assert document["ok"] is False
    wrong = {check["name"]: check for check in document["checks"] if not check["ok"]}
    assert name in wrong, wrong
    assert all(check["message"] and check["fix"] for check in wrong.values())
    if what == "away":
        shop.sim.start()


def test_doctor_without_a_store_looks_at_every_store_that_was_connected(
    shop: ConnectedShop, run: Any
) -> None:
    assert run("doctor")[0] == 0, "a store without COVA is no fault"
    shop.shop.cova.connect_store(shop.shop.app, "s2", check=False, company_id=1)

    code, document = run("doctor")

    assert code == 1
    assert {c["name"] for c in document["checks"] if not c["ok"]} == {"credentials"}
    assert {c["store_id"] for c in document["checks"] if not c["ok"]} == {"s2"}


def test_doctor_asked_about_a_store_without_cova_says_so(run: Any) -> None:
    code, document = run("doctor", "--store", "s2")

    assert (code, document["ok"]) == (1, False)


def test_init_db_may_be_run_again(run: Any) -> None:
    code, document = run("init-db")

    assert code == 0
    assert document["before"] == document["after"] is not None


def test_every_command_prints_text_for_people_too(shop: ConnectedShop) -> None:
    shop.sync()
    shop.shop.place("o1", [(shop.ordinary()[0], "x", "1", "1.00")], send=["aiq.order-placed"])
    for command in (
        ["init-db"],
        ["sync", "--store", "s1"],
        ["sync", "--store", "s1", "--preview", "--full"],
        ["doctor", "--store", "s1"],
        ["holds"],
        ["reconcile", "--store", "s1"],
        ["orders", "push"],
        ["orders", "poll"],
        ["orders", "sweep"],
        ["orders", "list"],
        ["rotate-secrets"],
        ["prune"],
        ["support-bundle"],
        ["tick"],
    ):
        result = shop.shop.run(*command)
        assert result.exit_code == 0, (command, result.output)
        assert result.stdout.strip(), command
        assert "Traceback" not in result.output


@pytest.mark.parametrize("verb", ["push", "poll", "sweep"])
def test_order_commands_print_numbers_per_store(run: Any, verb: str) -> None:
    code, document = run("orders", verb)

    assert code == 0
    assert [set(store) >= {
        "store_id", "handled", "changed", "waiting", "needs_attention", "failed",
    } for store in document["stores"]] == [True]  # fmt: skip


def test_the_queue_of_nothing_is_an_empty_list(run: Any) -> None:
    assert run("orders", "list") == (0, {"orders": []})


def test_tick_does_what_is_due(shop: ConnectedShop, run: Any) -> None:
    code, document = run("tick")

    assert code == 0
    assert document["jobs"] >= 1
    assert shop.runs()[0].trigger == "schedule"


def test_a_reservation_shows_in_holds_the_moment_it_is_committed(
    shop: ConnectedShop, run: Any
) -> None:
    run("sync", "--store", "s1")
    (product_id,) = shop.ordinary()
    with shop.shop.app.app_context():
        shop.shop.cova.reserve("s1", "o9", [OrderLine(product_id, "x", Decimal(1), Decimal(1))])
        assert json.loads(shop.shop.run("holds", "--json").stdout)["holds"] == []
        shop.shop.db.session.commit()

    assert [hold["order_id"] for hold in run("holds")[1]["holds"]] == ["o9"]
