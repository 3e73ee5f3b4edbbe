"""COVA's bad days: pages that fail, shift or come empty. Nothing is lost after the next run."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from aiq_cova_plugin.errors import LeaseHeld
from aiq_cova_plugin.simulator import Simulator

from tests.support.connected import BY_ID, CHANGES, FEED, ConnectedShop, connected_shop


@pytest.fixture
def paged(sqlite_url: str, sim: Simulator) -> Iterator[ConnectedShop]:
    """Forty products in four pages."""
    with connected_shop(sqlite_url, sim, COVA_PAGE_SIZE=10) as shop:
        yield shop


def _menu(sim: Simulator) -> dict[str, tuple[str, Decimal | None]]:
    """dict: product id → SKU and price, of everything that belongs on the menu."""
    return {
        product.id: (product.catalog_sku, product.regular_price(sim.location_id))
        for product in sim.state.products.values()
        if product.lifecycle == "Active"
        and not product.is_archived
        and not product.is_non_stock
        and product.regular_price(sim.location_id) is not None
    }


def _shown(shop: ConnectedShop) -> dict[str, tuple[str, Decimal | None]]:
    """The same, of what the shop shows."""
    return {
        each: (fields["sku"], Decimal(fields["price"]))
        for each, fields in shop.shop.products().items()
        if fields["enabled"]
    }


# --- the cursor -----------------------------------------------------------------------------------


@pytest.mark.parametrize("hours", [-7, 0, 5])
def test_the_cursor_is_kept_in_covas_time(shop: ConnectedShop, hours: int) -> None:
    shop.sim.clock.advance(hours * 3600)

    shop.sync()

    cursor = shop.state().cursor
    assert cursor is not None
    assert abs(cursor - shop.sim.clock.now()) < timedelta(minutes=1)


@pytest.mark.parametrize("hours", [-7, 5])
def test_changes_are_found_however_wrong_either_clock_is(shop: ConnectedShop, hours: int) -> None:
    shop.sim.clock.advance(hours * 3600)
    shop.sync()
    shop.sim.clock.advance(3600)
    (product_id,) = shop.ordinary()
    shop.sim.register.rename(product_id, "Renamed")

    report = shop.sync()

    assert report.fetched < 40
    assert shop.in_shop(product_id)["name"] == "Renamed"


def test_an_increment_reaches_back_behind_the_cursor(shop: ConnectedShop) -> None:
    """COVA may make a change visible minutes after the time it gives it."""
    shop.sync()
    (product_id,) = shop.ordinary()
    product = shop.sim.state.products[product_id]
    shop.sim.register.rename(product_id, "Late")
    product.changed_at["specification"] -= timedelta(minutes=9)

    shop.sync()

    assert shop.in_shop(product_id)["name"] == "Late"


def test_the_cursor_moves_with_each_good_run_and_only_then(shop: ConnectedShop) -> None:
    shop.sync()
    first = shop.state()
    shop.sim.clock.advance(600)
    shop.sim.faults.add(CHANGES, action="server_error", times=None)
    assert shop.sync().status == "failed"
    assert shop.state().cursor == first.cursor
    assert shop.state().last_good_at == first.last_good_at

    shop.sim.faults.clear()
    assert shop.sync().status == "succeeded"

    second = shop.state()
    assert first.cursor is not None
    assert second.cursor is not None
    assert second.cursor - first.cursor >= timedelta(seconds=599)
    assert second.last_good_at is not None
    assert first.last_good_at is not None
    assert second.last_good_at > first.last_good_at
    newest = shop.runs()[0]
    assert (newest.cursor_before, newest.cursor_after) == (first.cursor, second.cursor)


def test_a_partial_run_leaves_the_cursor_where_it_was(shop: ConnectedShop) -> None:
    shop.sync()
    cursor = shop.state().cursor
    (product_id,) = shop.ordinary()
    shop.shop.host.refused_products[product_id] = "no"
    shop.sim.clock.advance(600)
    shop.sim.register.rename(product_id, "Renamed")

    assert shop.sync().status == "partial"
    assert shop.state().cursor == cursor


def test_the_cursor_is_from_before_the_reading_not_after_it(paged: ConnectedShop) -> None:
    """What changes while pages are read is read again by the next run."""
    started = paged.sim.clock.now()
    with paged.after_each_page(lambda page: paged.sim.clock.advance(3600)):
        paged.sync()

    cursor = paged.state().cursor
    assert cursor is not None
    assert cursor - started < timedelta(minutes=1)


# --- failing pages --------------------------------------------------------------------------------

_ONCE = [
    {"action": "server_error"},
    {"action": "bad_gateway"},
    {"action": "unavailable"},
    {"action": "garbage"},
    {"action": "truncated"},
    {"action": "reset_before"},
    {"action": "reset_after"},
    {"action": "rate_limited", "retry_after": 0},
    {"action": "rate_limited", "retry_after": 120},
    {"action": "unauthorized"},
    {"action": "forbidden"},
    {"action": "empty_page"},
    {"action": "extra_keys"},
]


@pytest.mark.parametrize("fault", _ONCE, ids=lambda fault: "-".join(map(str, fault.values())))
def test_a_page_that_fails_in_the_first_pass_loses_nothing(
    paged: ConnectedShop, fault: dict[str, Any]
) -> None:
    paged.sim.faults.add(FEED, times=1, skip=2, **fault)

    first = paged.sync()
    _forget_the_pause(paged)
    second = paged.sync()

    assert first.status in ("succeeded", "failed")
    if first.status == "failed":
        assert paged.state().cursor is not None, "the second run was good"
        assert first.message
        assert paged.runs()[1].status == "failed"
    assert second.status == "succeeded"
    assert _shown(paged) == _menu(paged.sim)


@pytest.mark.parametrize("fault", _ONCE, ids=lambda fault: "-".join(map(str, fault.values())))
def test_a_page_that_fails_in_an_increment_loses_nothing(
    paged: ConnectedShop, fault: dict[str, Any]
) -> None:
    paged.sync()
    paged.sim.clock.advance(3600)
    for number, each in enumerate(_menu(paged.sim), start=1):
        paged.sim.register.set_price(each, number)
    paged.sim.faults.add(CHANGES, times=1, skip=1, **fault)

    paged.sync()
    _forget_the_pause(paged)
    paged.sync()

    assert _shown(paged) == _menu(paged.sim)


def _forget_the_pause(shop: ConnectedShop) -> None:
    """After a 429 no worker calls for a while."""
    shop.clock.advance(121)


def test_a_429_is_waited_out_when_it_is_short_and_reported_when_it_is_long(
    paged: ConnectedShop,
) -> None:
    # The headers would close the budget for a second, and the test's clock stands still.
    paged.sim.switches.update({"rate_limit_headers": False})
    paged.sim.faults.add(FEED, action="rate_limited", retry_after=0)
    assert paged.sync().status == "succeeded"

    paged.sim.faults.add(FEED, action="rate_limited", retry_after=120)
    asked = paged.calls(FEED)
    report = paged.sync(full=True)

    assert report.status == "failed"
    assert paged.calls(FEED) == asked + 1, "no hammering"
    assert "less often" in report.message
    assert paged.runs()[0].fix


def test_an_empty_page_in_the_middle_of_the_first_pass_loses_nothing(
    paged: ConnectedShop,
) -> None:
    paged.sim.faults.add(FEED, action="empty_page", skip=1)

    report = paged.sync()

    assert report.status == "succeeded"
    assert _shown(paged) == _menu(paged.sim)


def test_an_empty_first_page_of_the_first_pass_is_not_an_empty_shop(paged: ConnectedShop) -> None:
    paged.sim.faults.add(FEED, action="empty_page")

    paged.sync()

    assert _shown(paged) == _menu(paged.sim)


@pytest.mark.parametrize("behaviour", ["error_400", "clamp", "error_500"])
def test_a_lower_cap_on_the_page_size_is_found_out(
    sqlite_url: str, sim: Simulator, behaviour: str
) -> None:
    sim.switches.update({"max_top": 30, "top_above_max": behaviour})
    with connected_shop(sqlite_url, sim, COVA_PAGE_SIZE=500) as shop:
        report = shop.sync()

        assert report.status == "succeeded"
        assert _shown(shop) == _menu(sim)


def test_a_product_sold_between_two_pages_makes_no_other_one_disappear(
    paged: ConnectedShop,
) -> None:
    """A changed product moves to the end of COVA's list, and all behind it move up by one."""
    paged.sim.switches.update({"order_of_products": "on_change"})
    first_ids = list(paged.sim.state.products)

    def sell(skip: int) -> None:
        if skip == 0:
            paged.sim.register.rename(first_ids[2], "Sold meanwhile")

    with paged.after_each_page(sell):
        report = paged.sync()

    assert report.status == "succeeded"
    assert _shown(paged) == _menu(paged.sim)


def test_a_known_product_that_a_shifted_page_skipped_is_not_hidden(paged: ConnectedShop) -> None:
    paged.sim.switches.update({"order_of_products": "on_change"})
    paged.sync()
    first_ids = list(paged.sim.state.products)

    def sell(skip: int) -> None:
        paged.sim.register.rename(first_ids[skip // 10 + 1], f"Sold at {skip}")

    with paged.after_each_page(sell):
        report = paged.sync(full=True)

    assert (report.status, report.hidden) == ("succeeded", 0)


def test_a_list_without_any_order_comes_together_within_two_runs(paged: ConnectedShop) -> None:
    paged.sim.switches.update({"order_of_products": "every_call"})

    for _ in range(3):
        paged.sync(full=True)

    assert _shown(paged) == _menu(paged.sim)
    assert all(fields["enabled"] for fields in paged.shop.products().values())


def test_an_outage_names_itself_and_leaves_the_menu_as_it_is(any_shop: ConnectedShop) -> None:
    any_shop.sync()
    before = any_shop.shop.products()
    any_shop.sim.stop()

    report = any_shop.sync(full=True)
    any_shop.sim.start()

    assert report.status == "failed"
    assert "cannot be reached" in report.message or "broke off" in report.message
    assert any_shop.shop.products() == before
    assert any_shop.sync(full=True).status == "succeeded"


def test_a_refused_log_in_fails_the_run_and_marks_the_connection(shop: ConnectedShop) -> None:
    from aiq_cova_plugin.services.stores import connection_state, load_connection

    shop.sync()
    shop.sim.state.revoke_tokens()
    shop.sim.faults.add("token", action="status", status=400, times=None, body=_INVALID_GRANT)

    report = shop.sync()

    assert report.status == "failed"
    with shop.shop.app.app_context():
        row = load_connection(shop.shop.services, "s1")
    assert row is not None
    assert (row.check_ok, row.check_field) == (False, "password")
    assert connection_state(row) == "not_ready"

    shop.sim.faults.clear()
    assert shop.sync().status == "succeeded"
    with shop.shop.app.app_context():
        row = load_connection(shop.shop.services, "s1")
    assert connection_state(row) == "ready", "a good run shows that the log-in works again"


_INVALID_GRANT = (
    '{"error": "invalid_grant", "error_description": "The username or password is incorrect"}'
)


# --- runs that died -------------------------------------------------------------------------------


def _die_in_the_middle(shop: ConnectedShop) -> str:
    """A worker takes the lease, opens its run, and is gone; answers the run's id."""
    with shop.shop.app.app_context():
        services = shop.shop.services
        assert services.leases.take("catalog:s1") is not None
        with services.database.short() as connection:
            from aiq_cova_plugin.store import runs

            now = shop.clock.now()
            runs.start_run(
                connection,
                {
                    "id": "dead-run",
                    "store_id": "s1",
                    "mode": "full",
                    "trigger": "schedule",
                    "status": "running",
                    "started_at": now,
                    "heartbeat_at": now,
                    "phase": "reading",
                    "message": "",
                    "fix": "",
                    **dict.fromkeys(
                        (
                            "pages", "to_apply", "applied", "fetched", "created", "updated",
                            "hidden", "unchanged", "failed", "api_calls",
                        ),
                        0,
                    ),
                },
            )  # fmt: skip
    return "dead-run"


def test_a_run_that_died_is_closed_by_its_successor_after_its_lease(
    any_shop: ConnectedShop,
) -> None:
    dead = _die_in_the_middle(any_shop)
    with pytest.raises(LeaseHeld):
        any_shop.sync()
    assert any_shop.runs()[0].status == "running"

    any_shop.clock.advance(300)
    report = any_shop.sync()

    assert report.status == "succeeded"
    closed = next(run for run in any_shop.runs() if run.id == dead)
    assert closed.status == "failed"
    assert closed.finished_at is not None
    assert "stopped before it was done" in closed.message
    assert [run.status for run in any_shop.runs()].count("running") == 0


def test_a_run_whose_host_breaks_altogether_is_closed_and_the_next_one_works(
    shop: ConnectedShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(_store_id: str) -> list[object]:
        raise RuntimeError("the shop is upside down")

    monkeypatch.setattr(shop.shop.host, "categories", stumble)
    with pytest.raises(RuntimeError):
        shop.sync()
    monkeypatch.undo()

    assert shop.sync().status == "succeeded"
    assert [run.status for run in shop.runs()].count("running") == 0
    assert shop.calls(BY_ID) == 0
