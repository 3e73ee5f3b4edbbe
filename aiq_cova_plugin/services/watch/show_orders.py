"""The push queue and one order's story, as the order pages show them. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from aiq_cova_plugin.domain.push_states import FINAL_STATES, PushState
from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.services.orders.push_row import PAUSED
from aiq_cova_plugin.services.orders.where_sent import SentElsewhere
from aiq_cova_plugin.services.rescue.enter_by_hand import may_enter_by_hand, waits_for_sale
from aiq_cova_plugin.services.rescue.enter_phone import may_enter_phone
from aiq_cova_plugin.services.rescue.restore_address import restorable
from aiq_cova_plugin.services.rescue.retry_many import Cause, causes_of
from aiq_cova_plugin.store import holds, outbox
from aiq_cova_plugin.store.connections import all_connections, connection_of
from aiq_cova_plugin.store.models import Connection, Hold, Push, PushEvent
from aiq_cova_plugin.store.products import names_of
from aiq_cova_plugin.store.push_warnings import is_withdrawn_here

PAGE_SIZE = 100


@dataclass(frozen=True)
class HeldLine:
    """A hold with the name of what is held."""

    hold: Hold
    product_name: str


@dataclass(frozen=True)
class OrderDetails:
    """One order push, everything that happened to it, and what it holds or held."""

    push: Push
    events: list[PushEvent]
    lines: list[HeldLine]
    is_paused: bool = False
    """It has not been sent, and is not until Sync Orders is switched on again."""

    @property
    def can_restore_address(self) -> bool:
        """Did it overwrite an address that is still kept?"""
        return restorable(self.events) is not None

    @property
    def can_enter_by_hand(self) -> bool:
        return may_enter_by_hand(self.push)

    @property
    def can_say_sold(self) -> bool:
        return waits_for_sale(self.push, [line.hold for line in self.lines])

    @property
    def can_ask(self) -> bool:
        """Is it in COVA, so that COVA can be asked how it stands?"""
        push = self.push
        if push.kind == SentElsewhere.__name__:
            return False
        return push.in_pos_at is not None and PushState(push.state) not in FINAL_STATES

    @property
    def total_difference(self) -> Decimal | None:
        """COVA's total less the shop's; None while either is unknown or both are equal."""
        told, ours = self.push.sale_total, self.push.host_total
        return told - ours if told is not None and ours is not None and told != ours else None

    @property
    def is_being_taken_back(self) -> bool:
        """Was it asked for, and COVA has not let go of it yet?"""
        return self.push.cancel_requested and PushState(self.push.state) not in FINAL_STATES

    @property
    def is_withdrawn_here(self) -> bool:
        """Did a person take it back, while the shop's own order goes on?"""
        return is_withdrawn_here(self.push.warning)

    @property
    def was_sent(self) -> bool:
        """Has it ever left for COVA?"""
        push = self.push
        return push.submitted_at is not None or push.in_pos_at is not None or push.refusals > 0

    @property
    def tries(self) -> int:
        """How often it was taken up to be sent."""
        return sum(each.event == "sending" for each in self.events)

    @property
    def can_retry(self) -> bool:
        """Is there anything to send or ask again? The service has the last word."""
        state = PushState(self.push.state)
        if self.is_being_taken_back and state is not PushState.NEEDS_ATTENTION:
            # It was asked for just now, and nothing has gone wrong with that yet.
            return bool(self.push.reason)
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
        return is_waiting and self.push.kind in ("AmbiguousCustomer", "MissingPhone")

    @property
    def needs_phone(self) -> bool:
        """Has it no phone number to find its customer by?"""
        return may_enter_phone(self.push)


@dataclass(frozen=True)
class OrderList:
    """One page of a store's orders, newest first; `counts` are by state, without the search.

    `pages` is at least 1. `causes` are what the orders that need a person wait for.
    `is_paused`: Sync Orders is off, and orders that were not sent are held back.
    """

    orders: list[Push]
    number_found: int
    page: int
    pages: int
    counts: dict[str, int]
    causes: list[Cause]
    is_paused: bool


def orders_of(
    ctx: ServiceContext,
    store_id: str,
    state: str | None = None,
    *,
    search: str = "",
    page: int = 1,
) -> OrderList:
    """The store's orders in a state, or all; `search` looks at numbers and ids alone.

    A page that is not there is the nearest one.
    """
    with ctx.database.short() as connection:
        row = connection_of(connection, store_id)
        number = outbox.count_pushes(connection, store_id=store_id, state=state, search=search)
        pages = max(1, -(-number // PAGE_SIZE))
        page = min(max(1, page), pages)
        found = outbox.pushes(
            connection,
            store_id=store_id,
            state=state,
            search=search,
            limit=PAGE_SIZE,
            offset=(page - 1) * PAGE_SIZE,
        )
        counts = outbox.state_counts(connection, store_id)
    causes = causes_of(ctx, store_id) if counts.get(PushState.NEEDS_ATTENTION) else []
    return OrderList(found, number, page, pages, counts, causes, _is_off(row))


def is_held_back(push: Push) -> bool:
    """Would this order be held back while Sync Orders is off? Never one that may be in COVA."""
    return (
        push.state in (PushState.QUEUED, PushState.SENDING)
        and push.submitted_at is None
        and not push.cancel_requested
    )


def stores_on_hold(ctx: ServiceContext) -> set[str]:
    """Ids of the stores that send no orders: Sync Orders is off."""
    with ctx.database.short() as connection:
        return {row.store_id for row in all_connections(connection) if not row.sync_orders}


def _is_off(row: Connection | None) -> bool:
    return row is not None and not row.sync_orders


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
        names = names_of(connection, store_id, [line.cova_product_id for line in lines])
        is_off = _is_off(connection_of(connection, store_id))
    return OrderDetails(
        push,
        events,
        [HeldLine(line, names.get(line.cova_product_id, line.cova_product_id)) for line in lines],
        is_paused=is_off and (is_held_back(push) or push.kind == PAUSED),
    )
