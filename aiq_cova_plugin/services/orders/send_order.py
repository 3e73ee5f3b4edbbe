"""Sends one claimed order to COVA: stock, customer, address, and the order itself.

`submitted_at` is committed before the submission leaves; without a clear answer COVA is
asked about our order id before anything is sent again (decision 0005).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from uuid import uuid4

from aiq_cova_plugin.domain.push_states import PushState
from aiq_cova_plugin.errors import (
    AmbiguousCustomer,
    BadCredentials,
    ContractBroken,
    NeedsOperator,
    NotPermitted,
    OutcomeUnknown,
    Rejected,
    Retryable,
    VersionConflict,
)
from aiq_cova_plugin.host import Order, OrderNotFound
from aiq_cova_plugin.mapping.order_status_from_cova import Phase
from aiq_cova_plugin.mapping.order_to_cova import order_to_cova
from aiq_cova_plugin.redaction import without_words
from aiq_cova_plugin.schemas.records import Customer, SalesOrder
from aiq_cova_plugin.services.context import log
from aiq_cova_plugin.services.orders import ask_register
from aiq_cova_plugin.services.orders.check_stock import OutOfStock, require_stock
from aiq_cova_plugin.services.orders.follow_edit import follow_edit
from aiq_cova_plugin.services.orders.match_customer import chosen_customer, match_customer
from aiq_cova_plugin.services.orders.other_deliveries import (
    has_other_deliveries,
    warn_of_other_deliveries,
)
from aiq_cova_plugin.services.orders.place_address import address_lease, place_address
from aiq_cova_plugin.services.orders.push_row import REPAIRED, PushRow
from aiq_cova_plugin.services.orders.tax_pricing import (
    TaxPricing,
    reread_tax_pricing,
    tax_pricing_of,
)
from aiq_cova_plugin.services.orders.typed_phone import with_typed_phone
from aiq_cova_plugin.services.orders.where_sent import require_same_company, require_same_location
from aiq_cova_plugin.services.orders.withdraw_push import stop_if_cancelled
from aiq_cova_plugin.services.stock.take_stock_reading import take_stock_reading
from aiq_cova_plugin.services.stores import require_integrator_id, require_store
from aiq_cova_plugin.store.push_warnings import address_missing, with_warning, without_address

_NOT_IN_POS = frozenset({500, 503})
"""COVA's own "not in the register, send again" (section 9.2). A gateway's 502 or 504 says less:
COVA behind it may still be at work."""

_ADDRESS_TRIES = 4


def send(row: PushRow) -> None:
    """Send the order, and wait a moment for COVA's verdict.

    Raises what stands in the way; then nothing was sent, or the push is at `checking`.
    """
    if not row.settings.sync_orders:
        row.pause()
        return
    while _send_once(row):
        pass


def look_up_then_go_on(row: PushRow) -> None:
    """It may have been sent: ask COVA first, send only what COVA does not have.

    Raises `SentElsewhere` when the store is connected to another company now.
    """
    require_same_company(row.push, row.settings)
    if row.push.state != PushState.CHECKING:
        row.move(PushState.CHECKING, "checking", "COVA is asked whether it has the order.")
    reading = ask_register.ask_about(row)
    if reading is None and ask_register.may_still_arrive(row.ctx, row.push):
        ask_register.ask_about_it_later(row)
    elif reading is None or reading.phase is Phase.TRANSIENT_FAILURE:
        if reading is not None and row.push.kind != ask_register.TRANSIENT:
            ask_register.note_transient_failure(row, reading)
        send(row)
    elif reading.phase is Phase.REFUSED and row.push.kind in REPAIRED:
        _send_repaired(row)
    elif ask_register.settle(row, reading):
        send(row)


def _send_repaired(row: PushRow) -> None:
    """What COVA refused has been repaired: send it again.

    The same id first. When COVA keeps refusing that one, a new id is safe, because the
    old order is known to have failed.
    """
    if row.push.refusals > 1 and row.settings.sync_orders:
        row.event(
            "new_cova_order_id",
            f"COVA has refused {row.push.cova_order_id} for good; a new id is used.",
        )
        row.write(cova_order_id=str(uuid4()), submitted_at=None, refusals=0)
    send(row)


def _send_once(row: PushRow) -> bool:
    """Send it; True when COVA's verdict asks for another sending at once."""
    require_same_location(row.push, row.settings)
    order = _read_order(row)
    integrator_id = require_integrator_id(row.ctx, row.settings)
    if row.push.state == PushState.CHECKING:
        row.event("resending", "COVA does not have the order: it is sent again.")
    row.move(PushState.SENDING, "sending", "The order is made ready for COVA.")
    # Before COVA is asked anything: nobody is created for an order that cannot be sent.
    sales_order = order_to_cova(
        order,
        push_id=row.push.cova_order_id,
        company_id=row.settings.company_id or 0,
        location_id=row.settings.location_id or 0,
        integrator_id=integrator_id,
        customer_id=None,
        delivery_fee_product=row.settings.delivery_fee_product,
        fee_products=row.settings.fee_products,
    )
    follow_edit(row, order)
    pricing = tax_pricing_of(row.ctx, row.settings, row.client)
    _check_stock(row, order)
    sales_order = replace(sales_order, customer_id=_bring_customer(row, order))
    stop_if_cancelled(row)
    push, settings = row.push, row.settings
    sent_before = (push.submitted_at, push.company_id, push.location_id)
    _note_sending(row, row.ctx.clock.now(), settings.company_id, settings.location_id)
    row.write(tax_pricing=pricing)
    row.has_submitted = True
    row.event("submitting", f"Sent to COVA as order {row.push.cova_order_id}.")
    try:
        _submit(row, sales_order, pricing)
    except OutcomeUnknown as exc:
        row.move(
            PushState.CHECKING,
            ask_register.COVA_FAILED if exc.status in _NOT_IN_POS else "outcome_unknown",
            f"{exc.message} COVA is asked whether it has the order.",
        )
    except VersionConflict as exc:
        # COVA has an order of this id already: ours, from a sending without an answer.
        row.move(PushState.CHECKING, "known_to_cova", exc.message)
        if row.times("known_to_cova") > ask_register.UNEXPLAINED_TRIES:
            raise
    except (Rejected, Retryable, NeedsOperator):
        # This sending certainly did not arrive and leaves no trace; an earlier one does.
        _note_sending(row, *sent_before)
        raise
    else:
        row.move(PushState.CHECKING, "submitted", "COVA has received the order and looks at it.")
    return ask_register.wait_for_verdict(row)


def _note_sending(
    row: PushRow, at: datetime | None, company_id: int | None, location_id: int | None
) -> None:
    """When the order was sent, and where to; None when it was not."""
    row.write(submitted_at=at, company_id=company_id, location_id=location_id)


def _check_stock(row: PushRow, order: Order) -> None:
    """Raise `OutOfStock` when COVA has less than is ordered; the shop learns of what it said."""
    read_began_at = row.ctx.clock.now()
    try:
        stock = require_stock(row.client, order, location_id=row.settings.location_id or 0)
    except OutOfStock as exc:
        _tell_the_shop(row, exc.stock, read_began_at)
        raise
    _tell_the_shop(row, stock, read_began_at)


def _tell_the_shop(row: PushRow, stock: Mapping[str, Decimal], read_began_at: datetime) -> None:
    """Take in stock that has fallen, now; where that fails, the next sync does it."""
    store_id, settings = row.push.store_id, row.settings
    try:
        take_stock_reading(
            row.ctx,
            store_id,
            stock,
            read_began_at=read_began_at,
            company_id=settings.company_id,
            location_id=settings.location_id,
        )
    except Exception:  # noqa: BLE001 - the host's code runs in it; the order must go on; logged
        log.warning("stock_reading_not_taken", extra={"store_id": store_id}, exc_info=True)


def _submit(row: PushRow, sales_order: SalesOrder, pricing: TaxPricing) -> None:
    """Submit once; again in the other tax style when COVA's setting has changed."""
    try:
        row.client.submit_order(sales_order, tax_pricing=pricing)
    except VersionConflict:
        raise
    except Rejected:
        other = reread_tax_pricing(row.ctx, row.settings, row.client)
        if other == pricing:
            raise
        row.write(tax_pricing=other)
        row.event("tax_style_changed", ask_register.TAX_STYLE_CHANGED)
        row.client.submit_order(sales_order, tax_pricing=other)


def _read_order(row: PushRow) -> Order:
    ctx, push = row.ctx, row.push
    try:
        return ctx.host.get_order(push.store_id, push.order_id)
    except OrderNotFound as exc:
        raise NeedsOperator(
            f"The shop no longer has order {push.order_number or push.order_id}.",
            fix="If it was deleted on purpose, press Withdraw.",
        ) from exc
    finally:
        ctx.database.end_reading()


# --- the customer and the address ----------------------------------------------------------


def _bring_customer(row: PushRow, order: Order) -> str:
    """The id of the order's customer in COVA, address put right."""
    country = require_store(row.ctx, order.store_id).country
    row.ctx.database.end_reading()
    order = with_typed_phone(row.ctx, row.push, order, country)
    company_id = row.settings.company_id or 0
    chosen = row.push.chosen_customer_id
    if chosen is not None:
        customer, how = _chosen_customer(row, order, chosen, country), "chosen by a person"
    else:
        found = match_customer(
            row.ctx,
            row.client,
            order,
            country=country,
            company_id=company_id,
            on_step=row.event,
            search=row.settings.customer_search,
        )
        customer, how = found.customer, found.how
    if row.push.cova_customer_id != customer.id:
        row.write(cova_customer_id=customer.id)
        row.event("customer", f"COVA customer {customer.id}: {how}.")
    if order.delivery is not None:
        _bring_address(row, order, customer)
    return customer.id


def _chosen_customer(row: PushRow, order: Order, chosen: str, country: str) -> Customer:
    """The customer a person chose; when it is not to be had, the choice is open again."""
    try:
        return chosen_customer(
            row.client, order, chosen, country=country, search=row.settings.customer_search
        )
    except AmbiguousCustomer:
        row.write(chosen_customer_id=None)
        raise


def _bring_address(row: PushRow, order: Order, customer: Customer) -> None:
    """Put the address right; an order is not lost over it, but never silently either.

    One order of a customer at a time, warnings included: else the driver whose address was
    written over last would be told that it is there. Raises `LeaseHeld` while another is at it.
    """
    with row.ctx.leases.hold(
        address_lease(row.settings.company_id or 0, customer.id),
        busy="Another order of the same customer is just bringing its address to COVA.",
    ):
        _bring_address_alone(row, order, customer)


def _bring_address_alone(row: PushRow, order: Order, customer: Customer) -> None:
    try:
        if has_other_deliveries(row):
            # Another order may have written over it since the customer was looked up.
            customer = row.client.customer(customer.id)
        done = place_address(
            row.client,
            order,
            customer,
            on_step=row.event,
            policy=row.settings.address_policy,
        )
    except (Retryable, OutcomeUnknown) as exc:
        row.event("address_failed", exc.message)
        if row.times("address_failed") < _ADDRESS_TRIES:
            raise
        _flag_address(row, exc.message)
    except (Rejected, ContractBroken, NotPermitted, BadCredentials) as exc:
        _flag_address(row, getattr(exc, "reason", "") or exc.message)
    else:
        row.event("address", done.said)
        warn_of_other_deliveries(row, order, has_written=done.has_written)
        if without_address(row.push.warning) != row.push.warning:
            # An earlier try had to give the address up.
            row.change_warnings(without_address)


def _flag_address(row: PushRow, reason: str) -> None:
    warning = address_missing(without_words(reason, row.customer_words))
    if warning in row.push.warning:
        return
    row.change_warnings(lambda before: with_warning(without_address(before), warning))
    row.event("address_missing", warning)
    row.call_for_attention(warning)
