"""What staff want to see of a store: is it connected, fresh, in agreement, and who must act.

Reads only. Each function gathers one page's facts in one short transaction; how they are worded
is the pages' business.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from aiq_cova_plugin.domain.push_states import FINAL_STATES, WAITING_STATES, PushState
from aiq_cova_plugin.domain.sellable import sellable_quantity
from aiq_cova_plugin.errors import CovaPluginError
from aiq_cova_plugin.services.connection_settings import SettingsView, read_settings
from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.services.plan_jobs import CATALOG
from aiq_cova_plugin.store import holds, outbox, runs
from aiq_cova_plugin.store.connections import connection_of, sync_state_of
from aiq_cova_plugin.store.database import DatabaseConnection
from aiq_cova_plugin.store.models import Hold, Product, Push, PushEvent, Run
from aiq_cova_plugin.store.products import classification_counts, products_by_id, state_counts
from aiq_cova_plugin.store.records import many

UNMAPPED_SOURCES = frozenset({"unmapped", "fallback"})
"""How a category was found when nobody and nothing knew where the product belongs."""

_STALE_AFTER_INTERVALS = 3
_RECENT_RUNS = 5
_RUNS_SHOWN = 100
_ORDERS_SHOWN = 200
_URGENT_SHOWN = 10
_TROUBLED_SHOWN = 20
_ISSUES_READ = 500
_NAMED_PER_CAUSE = 10


@dataclass(frozen=True)
class Overview:
    """One store at a glance. `next_sync_at` is None when nothing is planned.

    `waiting`, `urgent` and `warned` are orders: on their way, needing a person, and in COVA
    with something a person must know (a driver's address); oldest first.
    `troubled` are products the shop could not take over, at most 20.
    """

    settings: SettingsView
    running: Run | None
    held: Run | None
    last_good_at: datetime | None
    next_sync_at: datetime | None
    is_fresh: bool
    products_shown: int
    products_hidden: int
    unmapped: int
    troubled: list[Product]
    order_counts: dict[str, int]
    waiting: list[Push]
    urgent: list[Push]
    warned: list[Push]
    recent_runs: list[Run]

    @property
    def agrees(self) -> bool:
        """Was everything COVA said taken over, and does no order wait for a person?"""
        last = next((run for run in self.recent_runs if run.status != "running"), None)
        return (
            last is not None
            and last.status == "succeeded"
            and not self.troubled
            and not self.urgent
        )


def overview_of(ctx: ServiceContext, store_id: str) -> Overview:
    """Everything the store's first page shows. Raises `UnknownStore`."""
    settings = read_settings(ctx, store_id)
    now = ctx.clock.now()
    jobs = ctx.schedule.rows(store_id)
    with ctx.database.short() as connection:
        recent = runs.runs_of(connection, store_id, limit=_RECENT_RUNS)
        last_good_at = sync_state_of(connection, store_id).last_good_at
        products = state_counts(connection, store_id)
        pushes = [
            *_pushes_in(connection, store_id, [PushState.NEEDS_ATTENTION]),
            *_pushes_in(connection, store_id, WAITING_STATES),
        ]
        warned = many(
            connection,
            Push,
            Push.store_id == store_id,
            Push.warning != "",
            outbox.is_worth_a_warning(now),
            order_by=Push.id,
            limit=_URGENT_SHOWN,
        )
        unmapped = sum(
            number
            for _path, source, number in classification_counts(connection, store_id)
            if source in UNMAPPED_SOURCES
        )
        order_counts = outbox.state_counts(connection, store_id)
        troubled = many(
            connection,
            Product,
            Product.store_id == store_id,
            Product.last_error != "",
            order_by=Product.name,
            limit=_TROUBLED_SHOWN,
        )
    allowed = timedelta(seconds=ctx.config.catalog_interval_seconds * _STALE_AFTER_INTERVALS)
    return Overview(
        settings=settings,
        running=next((run for run in recent if run.status == "running"), None),
        held=recent[0] if recent and recent[0].status == "held" else None,
        last_good_at=last_good_at,
        next_sync_at=next((job.due_at for job in jobs if job.job == CATALOG), None),
        is_fresh=last_good_at is not None and now - last_good_at <= allowed,
        products_shown=products.get("shown", 0),
        products_hidden=products.get("hidden", 0),
        unmapped=unmapped,
        troubled=troubled,
        order_counts=order_counts,
        waiting=[push for push in pushes if push.state in WAITING_STATES][:_URGENT_SHOWN],
        urgent=[push for push in pushes if push.state == PushState.NEEDS_ATTENTION][:_URGENT_SHOWN],
        warned=warned,
        recent_runs=recent,
    )


def _pushes_in(
    connection: DatabaseConnection, store_id: str, states: Iterable[PushState]
) -> list[Push]:
    """The pushes in these states, those that have waited longest first."""
    found: list[Push] = []
    for state in states:
        found += outbox.pushes(connection, store_id=store_id, state=state.value)
    return sorted(found, key=lambda push: (push.queued_at, push.id))


# --- runs -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class IssueGroup:
    """One cause, and the products it concerns; `named` are the first few of them."""

    field: str
    reason: str
    number_of_products: int
    named: list[tuple[str, str]]


@dataclass(frozen=True)
class RunDetails:
    """One run with its issues, the most frequent cause first."""

    run: Run
    issues: list[IssueGroup]


def runs_of_store(ctx: ServiceContext, store_id: str) -> list[Run]:
    """The store's last runs, newest first."""
    with ctx.database.short() as connection:
        return runs.runs_of(connection, store_id, limit=_RUNS_SHOWN)


def running_run(ctx: ServiceContext, store_id: str) -> Run | None:
    """The run that is under way right now, if any."""
    return next((run for run in runs_of_store(ctx, store_id) if run.status == "running"), None)


def run_details(ctx: ServiceContext, store_id: str, run_id: str) -> RunDetails | None:
    """The run and what it could not use; None when the store has no such run."""
    with ctx.database.short() as connection:
        run = runs.run_of(connection, store_id, run_id)
        if run is None:
            return None
        causes = runs.grouped_issues(connection, run_id)
        ids_by_cause: dict[tuple[str, str], list[str]] = defaultdict(list)
        for issue in runs.issues_of(connection, run_id, limit=_ISSUES_READ):
            ids = ids_by_cause[issue.field, issue.reason]
            if len(ids) < _NAMED_PER_CAUSE:
                ids.append(issue.cova_product_id)
        named = {each for ids in ids_by_cause.values() for each in ids}
        names = _names(connection, store_id, named)
    return RunDetails(
        run,
        [
            IssueGroup(
                cause,
                reason,
                number,
                [(each, names.get(each, each)) for each in ids_by_cause[cause, reason]],
            )
            for cause, reason, number in causes
        ],
    )


def product_names(ctx: ServiceContext, store_id: str, ids: Iterable[str]) -> dict[str, str]:
    """dict: COVA product id → its name, for the products that are known."""
    with ctx.database.short() as connection:
        return _names(connection, store_id, ids)


def _names(connection: DatabaseConnection, store_id: str, ids: Iterable[str]) -> dict[str, str]:
    found = products_by_id(connection, store_id, ids)
    return {each: product.name for each, product in found.items() if product.name}


# --- orders ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class HeldLine:
    """A hold with the name of what is held."""

    hold: Hold
    product_name: str


@dataclass(frozen=True)
class PossibleCustomer:
    """One of several COVA customers an order may be for; personal data, for a person's eyes."""

    id: str
    name: str
    email: str
    date_of_birth: str


@dataclass(frozen=True)
class OrderDetails:
    """One order push, everything that happened to it, and what it holds or held."""

    push: Push
    events: list[PushEvent]
    lines: list[HeldLine]

    @property
    def can_retry(self) -> bool:
        """Is there anything to send or ask again? The service has the last word."""
        state = PushState(self.push.state)
        if state is PushState.IN_POS:
            return self.push.cancel_requested
        return state not in FINAL_STATES

    @property
    def can_withdraw(self) -> bool:
        return PushState(self.push.state) not in FINAL_STATES and not self.push.cancel_requested

    @property
    def needs_customer(self) -> bool:
        """Must a person say which COVA customer the order is for?"""
        is_waiting = self.push.state == PushState.NEEDS_ATTENTION
        return is_waiting and self.push.kind == "AmbiguousCustomer"


def orders_of(
    ctx: ServiceContext, store_id: str, state: str | None = None
) -> tuple[list[Push], dict[str, int]]:
    """The store's order pushes, newest first, and how many there are in each state."""
    with ctx.database.short() as connection:
        found = outbox.pushes(connection, store_id=store_id, state=state, limit=_ORDERS_SHOWN)
        return found, outbox.state_counts(connection, store_id)


def push_of(ctx: ServiceContext, store_id: str, order_id: str) -> Push | None:
    """The store's push of this order; None when it was never queued."""
    with ctx.database.short() as connection:
        return outbox.push_of_order(connection, store_id, order_id)


def order_details(ctx: ServiceContext, store_id: str, order_id: str) -> OrderDetails | None:
    """One order with its timeline; None when it was never queued."""
    with ctx.database.short() as connection:
        push = outbox.push_of_order(connection, store_id, order_id)
        if push is None:
            return None
        events = outbox.events_of(connection, push.id)
        lines = holds.holds_of_order(connection, store_id, order_id)
        names = _names(connection, store_id, [line.cova_product_id for line in lines])
    return OrderDetails(
        push,
        events,
        [HeldLine(line, names.get(line.cova_product_id, line.cova_product_id)) for line in lines],
    )


# --- holds ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class ProductSum:
    """Why a product's quantity is what it is: COVA's stock, less each hold, is the rest.

    `told` is the quantity the shop was last told, as text; None when it never was.
    """

    cova_product_id: str
    name: str
    stock: Decimal | None
    stock_read_at: datetime | None
    holds: list[Hold]
    held: Decimal
    sellable: Decimal | None
    told: str | None
    is_shown: bool


@dataclass(frozen=True)
class HoldsReport:
    """Every product with an open hold. `staff_own_quantity`: COVA does not set it here.

    `order_numbers` is dict: order id → number, for the orders that were queued for COVA.
    """

    products: list[ProductSum]
    order_numbers: dict[str, str]
    staff_own_quantity: bool


def possible_customers(ctx: ServiceContext, push: Push) -> list[PossibleCustomer]:
    """Who the order may be for; empty when that is not known, or cannot be decrypted any more."""
    if push.candidates_encrypted is None:
        return []
    try:
        told = json.loads(ctx.vault.decrypt(push.candidates_encrypted))
    except CovaPluginError:
        return []
    names = ("id", "name", "email", "date_of_birth")
    return [PossibleCustomer(*(str(each.get(name, "")) for name in names)) for each in told]


def holds_report(ctx: ServiceContext, store_id: str) -> HoldsReport:
    """All open holds of the store, summed per product, by product name."""
    with ctx.database.short() as connection:
        row = connection_of(connection, store_id)
        by_product: dict[str, list[Hold]] = defaultdict(list)
        for hold in holds.open_holds(connection, store_id):
            by_product[hold.cova_product_id].append(hold)
        known = products_by_id(connection, store_id, by_product)
        order_ids = {hold.order_id for each in by_product.values() for hold in each}
        pushes = [outbox.push_of_order(connection, store_id, each) for each in sorted(order_ids)]
    sums = [
        _sum_of(product_id, known.get(product_id), product_holds)
        for product_id, product_holds in by_product.items()
    ]
    sums.sort(key=lambda each: each.name.casefold())
    return HoldsReport(
        sums,
        {push.order_id: push.order_number or push.order_id for push in pushes if push is not None},
        staff_own_quantity=row is not None and "quantity" in row.staff_fields,
    )


def _sum_of(product_id: str, product: Product | None, product_holds: list[Hold]) -> ProductSum:
    held = sum((hold.quantity for hold in product_holds), start=Decimal(0))
    stock = product.stock if product is not None else None
    told = product.applied.get("quantity") if product is not None else None
    return ProductSum(
        cova_product_id=product_id,
        name=(product.name if product is not None else "") or product_id,
        stock=stock,
        stock_read_at=product.stock_read_at if product is not None else None,
        holds=product_holds,
        held=held,
        sellable=sellable_quantity(stock, held),
        told=None if told is None else str(told),
        is_shown=product is not None and product.host_state == "shown",
    )
