"""The scenes, page by page. Add one here, and it is checked in every look and pictured."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from aiq_cova_plugin.services.orders.where_sent import sent_elsewhere
from aiq_cova_plugin.store.models import Connection, Push
from aiq_cova_plugin.store.push_warnings import address_moved

from tests.gallery.filling import (
    changes_of_a_sync,
    everything,
    odd_words,
    products_in_every_state,
    reports_being_made,
    reports_that_failed,
)
from tests.gallery.stage import Scene, Stage
from tests.unit.web.kit import NORTH, busy_day
from tests.unit.web.reading_host import HAZE

if TYPE_CHECKING:
    from playwright.sync_api import Page

SCENES: list[Scene] = []
AT = f"/cova/{NORTH}"
_Build = Callable[[Stage], str]


def scene(
    page: str,
    state: str,
    *,
    act: Callable[[Page], Any] | None = None,
    javascript: bool = True,
) -> Callable[[_Build], _Build]:
    """Put the function's scene on the list."""

    def add(build: _Build) -> _Build:
        SCENES.append(Scene(page, state, build, act, javascript))
        return build

    return add


# --- overview -------------------------------------------------------------------------------------


@scene("Overview", "a busy day")
def _(stage: Stage) -> str:
    busy_day(stage.records)
    return f"{AT}/"


@scene("Overview", "all is well")
def _(stage: Stage) -> str:
    stage.records.connect()
    stage.records.synced()
    stage.records.product("p1", "Blue Harbour 3.5 g")
    stage.records.run(fetched=1, unchanged=1, api_calls=2)
    return f"{AT}/"


@scene("Overview", "not connected")
def _(stage: Stage) -> str:
    return f"{AT}/"


@scene("Overview", "switched off")
def _(stage: Stage) -> str:
    stage.records.connect(enabled=False)
    return f"{AT}/"


@scene("Overview", "log-in refused")
def _(stage: Stage) -> str:
    stage.records.connect(
        check_ok=False,
        check_field="password",
        check_message="COVA refuses the user name or the password.",
    )
    stage.records.synced(minutes_ago=400)
    stage.records.run(
        status="failed",
        message="COVA refuses the user name or the password.",
        fix="Type the password again under Connection.",
    )
    return f"{AT}/"


@scene("Overview", "somebody who may only look")
def _(stage: Stage) -> str:
    busy_day(stage.records)
    stage.host.allowed[NORTH] = frozenset({"view"})
    return f"{AT}/"


# --- connection -----------------------------------------------------------------------------------


@scene("Connection", "first time")
def _(stage: Stage) -> str:
    return f"{AT}/settings"


@scene("Connection", "ready to switch on")
def _(stage: Stage) -> str:
    stage.records.connect(enabled=False, was_enabled=False)
    return f"{AT}/settings"


@scene("Connection", "ready")
def _(stage: Stage) -> str:
    stage.records.connect()
    return f"{AT}/settings"


@scene("Connection", "one user for two stores, no phone at checkout")
def _(stage: Stage) -> str:
    stage.records.connect()
    stage.records.connect("south")
    stage.host.requires_phone = False
    return f"{AT}/settings"


def _fill_in_badly(page: Page) -> None:
    page.get_by_label("Company ID").fill("twelve")
    page.get_by_role("switch", name="Use COVA for this store").check()
    page.get_by_role("button", name="Save").click()
    page.locator("#field-company_id-error").wait_for(state="visible")


@scene("Connection", "refused", act=_fill_in_badly)
def _(stage: Stage) -> str:
    return f"{AT}/settings"


def _test_without_an_answer(page: Page) -> None:
    page.get_by_role("button", name="Test connection").click()
    page.locator("#cova-check-title").wait_for()


@scene("Connection", "COVA does not answer", act=_test_without_an_answer)
def _(stage: Stage) -> str:
    stage.records.connect()
    return f"{AT}/settings"


# --- POS settings ---------------------------------------------------------------------------------


@scene("POS settings", "a busy day")
def _(stage: Stage) -> str:
    busy_day(stage.records)
    return f"{AT}/pos-settings"


@scene("POS settings", "nothing synced yet")
def _(stage: Stage) -> str:
    stage.records.connect()
    return f"{AT}/pos-settings"


# --- syncs ----------------------------------------------------------------------------------------


@scene("Syncs", "a busy day")
def _(stage: Stage) -> str:
    busy_day(stage.records)
    return f"{AT}/runs"


@scene("Syncs", "none yet")
def _(stage: Stage) -> str:
    stage.records.connect()
    return f"{AT}/runs"


@scene("Sync", "partly done, with issues")
def _(stage: Stage) -> str:
    return f"{AT}/runs/{busy_day(stage.records)['run']}"


@scene("Sync", "running")
def _(stage: Stage) -> str:
    stage.records.connect()
    run_id = stage.records.run(
        status="running",
        phase="applying",
        to_apply=900,
        applied=410,
        fetched=908,
        pages=2,
        finished_at=None,
        heartbeat_at=stage.records.now,
    )
    return f"{AT}/runs/{run_id}"


@scene("Sync", "held back")
def _(stage: Stage) -> str:
    stage.records.connect()
    run_id = stage.records.run(
        status="held",
        fetched=120,
        message="This sync would take 84 of 120 products off the menu.",
        fix="Look at COVA. If it is right, approve; else wait for the next sync.",
    )
    return f"{AT}/runs/{run_id}"


@scene("Sync", "failed")
def _(stage: Stage) -> str:
    stage.records.connect()
    run_id = stage.records.run(
        status="failed", message="COVA could not be reached.", fix="The next run tries again."
    )
    return f"{AT}/runs/{run_id}"


# --- orders ---------------------------------------------------------------------------------------


@scene("Orders", "a busy day")
def _(stage: Stage) -> str:
    busy_day(stage.records)
    return f"{AT}/orders"


@scene("Orders", "none yet")
def _(stage: Stage) -> str:
    stage.records.connect()
    return f"{AT}/orders"


@scene("Order", "in the register, with a warning")
def _(stage: Stage) -> str:
    return f"{AT}/orders/{busy_day(stage.records)['order']}"


@scene("Order", "which customer?")
def _(stage: Stage) -> str:
    return f"{AT}/orders/{busy_day(stage.records)['ambiguous']}"


@scene("Order", "no phone number")
def _(stage: Stage) -> str:
    stage.records.connect()
    stage.records.order(
        "5",
        "needs_attention",
        kind="MissingPhone",
        reason="Order W-5 has no phone number, and COVA finds customers by phone.",
        fix="Ask the customer for a phone number and enter it on the order's page here, or add it "
        "to the order in the shop and press Retry. Make the phone a required field at checkout.",
    )
    return f"{AT}/orders/5"


@scene("Order", "another delivery of the same customer")
def _(stage: Stage) -> str:
    stage.records.connect()
    said = address_moved("W-6")
    events = [("queued", ""), ("in_pos", "COVA has the order."), ("other_delivery", said)]
    stage.records.order(
        "5", "in_pos", is_delivery=True, warning=said, in_pos_at=stage.records.now, events=events
    )
    return f"{AT}/orders/5"


@scene("Order", "sent to another company")
def _(stage: Stage) -> str:
    stage.records.connect()
    push = Push(order_number="W-5", company_id=400_001, cancel_requested=False)
    told = sent_elsewhere(push, Connection(company_id=400_002))
    stage.records.order(
        "5",
        "needs_attention",
        kind="SentElsewhere",
        reason=told.message,
        fix=told.fix,
        in_pos_at=stage.records.now,
    )
    return f"{AT}/orders/5"


@scene("Order", "on its way")
def _(stage: Stage) -> str:
    stage.records.connect()
    events = [("queued", ""), ("unexpected", "Something unexpected went wrong."), ("resumed", "")]
    stage.records.order("5", "checking", attempts=2, events=events)
    return f"{AT}/orders/5"


@scene("Order", "refused by COVA")
def _(stage: Stage) -> str:
    return f"{AT}/orders/{busy_day(stage.records)['refused']}"


@scene("Order", "somebody who may only look")
def _(stage: Stage) -> str:
    path = f"{AT}/orders/{busy_day(stage.records)['ambiguous']}"
    stage.host.allowed[NORTH] = frozenset({"view"})
    return path


# --- holds ----------------------------------------------------------------------------------------


@scene("Holds", "a busy day")
def _(stage: Stage) -> str:
    busy_day(stage.records)
    return f"{AT}/holds"


@scene("Holds", "none")
def _(stage: Stage) -> str:
    stage.records.connect()
    return f"{AT}/holds"


# --- refusals -------------------------------------------------------------------------------------


@scene("Refusal", "not found")
def _(stage: Stage) -> str:
    return f"{AT}/orders/none"


@scene("Refusal", "not allowed")
def _(stage: Stage) -> str:
    stage.host.allowed[NORTH] = frozenset()
    return f"{AT}/"


# --- what is made in the background ---------------------------------------------------------------


@scene("Overview", "a fortnight of everything")
def _(stage: Stage) -> str:
    everything(stage.records)
    return f"{AT}/"


@scene("Preview", "ready")
def _(stage: Stage) -> str:
    everything(stage.records)
    return f"{AT}/preview"


@scene("Preview", "none yet")
def _(stage: Stage) -> str:
    stage.records.connect()
    return f"{AT}/preview"


@scene("Preview", "being made")
def _(stage: Stage) -> str:
    reports_being_made(stage.records)
    return f"{AT}/preview"


@scene("Preview", "failed")
def _(stage: Stage) -> str:
    reports_that_failed(stage.records)
    return f"{AT}/preview"


@scene("Preview", "somebody who may only look")
def _(stage: Stage) -> str:
    everything(stage.records)
    stage.host.allowed[NORTH] = frozenset({"view"})
    return f"{AT}/preview"


@scene("Compare", "differences")
def _(stage: Stage) -> str:
    everything(stage.records)
    return f"{AT}/reconcile"


@scene("Compare", "one kind of difference")
def _(stage: Stage) -> str:
    everything(stage.records)
    return f"{AT}/reconcile?kind=stock_differs"


@scene("Compare", "none yet")
def _(stage: Stage) -> str:
    stage.records.connect()
    return f"{AT}/reconcile"


@scene("Compare", "being made")
def _(stage: Stage) -> str:
    reports_being_made(stage.records)
    return f"{AT}/reconcile"


@scene("Compare", "failed")
def _(stage: Stage) -> str:
    reports_that_failed(stage.records)
    return f"{AT}/reconcile"


@scene("Compare", "somebody who may only look")
def _(stage: Stage) -> str:
    everything(stage.records)
    stage.host.allowed[NORTH] = frozenset({"view"})
    return f"{AT}/reconcile"


@scene("Sync", "held, to be approved")
def _(stage: Stage) -> str:
    return f"{AT}/runs/{everything(stage.records)}"


@scene("Sync", "held, somebody who may only look")
def _(stage: Stage) -> str:
    path = f"{AT}/runs/{everything(stage.records)}"
    stage.host.allowed[NORTH] = frozenset({"view"})
    return path


@scene("Syncs", "a fortnight of everything")
def _(stage: Stage) -> str:
    everything(stage.records)
    return f"{AT}/runs"


@scene("Holds", "a fortnight of everything")
def _(stage: Stage) -> str:
    everything(stage.records)
    return f"{AT}/holds"


@scene("Holds", "of one product")
def _(stage: Stage) -> str:
    everything(stage.records)
    return f"{AT}/holds?product=p-gummies"


@scene("Activity", "some")
def _(stage: Stage) -> str:
    everything(stage.records)
    return f"{AT}/activity"


@scene("Activity", "none yet")
def _(stage: Stage) -> str:
    stage.records.connect()
    return f"{AT}/activity"


# --- mapping --------------------------------------------------------------------------------------


@scene("POS settings", "with an inbox")
def _(stage: Stage) -> str:
    odd_words(stage.records)
    return f"{AT}/pos-settings"


@scene("Specification names", "with unused names")
def _(stage: Stage) -> str:
    odd_words(stage.records)
    return f"{AT}/pos-settings/specifications"


@scene("Specifications", "of one product, with one tried")
def _(stage: Stage) -> str:
    odd_words(stage.records)
    tried = "try_name=THC&try_value=18-22&try_unit=%25"
    return f"{AT}/products/p-gummies/specifications?{tried}"


@scene("Specifications", "not read yet")
def _(stage: Stage) -> str:
    odd_words(stage.records)
    return f"{AT}/products/p-tray/specifications"


@scene("Order settings", "a busy day")
def _(stage: Stage) -> str:
    busy_day(stage.records)
    return f"{AT}/order-settings"


@scene("Sync", "what it changed")
def _(stage: Stage) -> str:
    return f"{AT}/runs/{changes_of_a_sync(stage.records)}"


@scene("Sync", "what it changed, the stock alone")
def _(stage: Stage) -> str:
    return f"{AT}/runs/{changes_of_a_sync(stage.records)}?kind=stock"


# --- products -------------------------------------------------------------------------------------


@scene("Products", "one in every state")
def _(stage: Stage) -> str:
    products_in_every_state(stage.records, stage.host)
    return f"{AT}/products"


@scene("Products", "only those that differ")
def _(stage: Stage) -> str:
    products_in_every_state(stage.records, stage.host)
    return f"{AT}/products?filter=differs"


@scene("Products", "nothing found")
def _(stage: Stage) -> str:
    products_in_every_state(stage.records, stage.host)
    return f"{AT}/products?q=zebra"


@scene("Products", "none yet")
def _(stage: Stage) -> str:
    stage.records.connect()
    return f"{AT}/products"


@scene("Product", "locked, differs from COVA")
def _(stage: Stage) -> str:
    products_in_every_state(stage.records, stage.host)
    return f"{AT}/products/{HAZE}"


@scene("Product", "could not be saved")
def _(stage: Stage) -> str:
    products_in_every_state(stage.records, stage.host)
    return f"{AT}/products/p-failed"


@scene("Product", "on the menu, edited in the shop, with what syncs changed")
def _(stage: Stage) -> str:
    changes_of_a_sync(stage.records, locked=False)
    stage.host.has[HAZE] = {"name": "Blue Harbour, hand-trimmed", "price": Decimal("30.00")}
    return f"{AT}/products/{HAZE}"


@scene("Product", "not in the shop")
def _(stage: Stage) -> str:
    products_in_every_state(stage.records, stage.host)
    return f"{AT}/products/p-absent"


@scene("Product", "excluded")
def _(stage: Stage) -> str:
    products_in_every_state(stage.records, stage.host)
    return f"{AT}/products/p-excluded"


@scene("Product", "somebody who may only look")
def _(stage: Stage) -> str:
    products_in_every_state(stage.records, stage.host)
    stage.host.allowed[NORTH] = frozenset({"view"})
    return f"{AT}/products/{HAZE}"


# --- what lies between: long lists, questions, pauses, no JavaScript ------------------------------


@scene("Overview", "the first sync is running")
def _(stage: Stage) -> str:
    stage.records.connect()
    stage.records.run(
        status="running", phase="reading", mode="full", fetched=500, pages=1, finished_at=None
    )
    return f"{AT}/"


@scene("Orders", "paused")
def _(stage: Stage) -> str:
    stage.records.connect(sync_orders=False)
    stage.records.order("7", "queued", kind="paused")
    return f"{AT}/orders"


@scene("Orders", "somebody who may only look")
def _(stage: Stage) -> str:
    busy_day(stage.records)
    stage.host.allowed[NORTH] = frozenset({"view"})
    return f"{AT}/orders"


@scene("Orders", "a long list")
def _(stage: Stage) -> str:
    stage.records.connect()
    for number in range(120):
        stage.records.order(f"{1000 + number}", "completed" if number % 3 else "in_pos")
    return f"{AT}/orders"


@scene("Orders", "none found")
def _(stage: Stage) -> str:
    busy_day(stage.records)
    return f"{AT}/orders?q=zebra"


@scene("Products", "a long list")
def _(stage: Stage) -> str:
    stage.records.connect()
    for number in range(120):
        stage.records.product(f"p-{number}", f"Blue Harbour {number} with a name of some length")
    return f"{AT}/products"


@scene("Syncs", "somebody who may only look")
def _(stage: Stage) -> str:
    busy_day(stage.records)
    stage.host.allowed[NORTH] = frozenset({"view"})
    return f"{AT}/runs"


@scene("Sync", "not heard of for minutes")
def _(stage: Stage) -> str:
    stage.records.connect()
    heard = stage.records.now - timedelta(minutes=4)
    run_id = stage.records.run(
        status="running", phase="reading", fetched=500, pages=1, finished_at=None,
        heartbeat_at=heard,
    )  # fmt: skip
    return f"{AT}/runs/{run_id}"


def _ask_to_withdraw(page: Page) -> None:
    page.locator("summary", has_text="Withdraw from COVA").click()


@scene("Order", "withdrawing is asked", act=_ask_to_withdraw)
def _(stage: Stage) -> str:
    return f"{AT}/orders/{busy_day(stage.records)['order']}"


@scene("Order", "no JavaScript, withdrawing is asked", act=_ask_to_withdraw, javascript=False)
def _(stage: Stage) -> str:
    return f"{AT}/orders/{busy_day(stage.records)['order']}"


@scene("Sync", "running, no JavaScript", javascript=False)
def _(stage: Stage) -> str:
    stage.records.connect()
    run_id = stage.records.run(
        status="running", phase="reading", fetched=500, pages=1, finished_at=None,
        heartbeat_at=stage.records.now,
    )  # fmt: skip
    return f"{AT}/runs/{run_id}"


def _ask_to_exclude(page: Page) -> None:
    page.get_by_role("button", name="Exclude from the menu").click()
    page.get_by_role("button", name="Yes, exclude it").wait_for()


@scene("Product", "excluding is asked", act=_ask_to_exclude)
def _(stage: Stage) -> str:
    products_in_every_state(stage.records, stage.host)
    return f"{AT}/products/{HAZE}"


@scene("Holds", "nothing found")
def _(stage: Stage) -> str:
    busy_day(stage.records)
    return f"{AT}/holds?q=zebra"


@scene("Refusal", "settings, for somebody who may only look")
def _(stage: Stage) -> str:
    stage.host.allowed[NORTH] = frozenset({"view"})
    return f"{AT}/settings"
