"""`flask cova orders …`: send, read statuses, find what was missed, look, rescue."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from aiq_cova_plugin.cli.group import command, cova, show, table
from aiq_cova_plugin.domain.push_states import PushState
from aiq_cova_plugin.errors import CovaPluginError
from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.services.orders.push_orders import push_due_orders
from aiq_cova_plugin.services.orders.push_row import PAUSED_REASON
from aiq_cova_plugin.services.orders.sweep_orders import sweep_orders
from aiq_cova_plugin.services.rescue import rescue_orders
from aiq_cova_plugin.services.rescue.enter_by_hand import enter_by_hand, say_sold
from aiq_cova_plugin.services.rescue.restore_address import restore_address
from aiq_cova_plugin.services.rescue.retry_many import causes_of, retry_cause
from aiq_cova_plugin.services.statuses.poll_statuses import poll_statuses
from aiq_cova_plugin.services.stores import enabled_stores, require_store
from aiq_cova_plugin.services.watch.show_orders import is_held_back, stores_on_hold
from aiq_cova_plugin.store import outbox
from aiq_cova_plugin.store.models import Push
from aiq_cova_plugin.wiring import current_services

_NUMBERS = ("handled", "changed", "waiting", "needs_attention", "failed")
_OPERATOR = "the command line"


@cova.group("orders")
def orders() -> None:
    """Orders on their way to COVA and back."""


@command(orders, "push")
@click.option("--store", "store_id", help="Only this store.")
def push(store_id: str | None) -> bool:
    """Send every order that is due."""
    return _for_stores(store_id, push_due_orders)


@command(orders, "poll")
@click.option("--store", "store_id", help="Only this store.")
def poll(store_id: str | None) -> bool:
    """Ask COVA about every open order now."""
    return _for_stores(store_id, poll_statuses)


@command(orders, "sweep")
@click.option("--store", "store_id", help="Only this store.")
def sweep(store_id: str | None) -> bool:
    """Find confirmed orders whose signal was missed."""
    return _for_stores(store_id, sweep_orders)


def _for_stores(store_id: str | None, service: Callable[[ServiceContext, str], Any]) -> bool:
    ctx = current_services()
    if store_id is not None:
        documents = [service(ctx, store_id).as_document()]
    else:
        documents = [_guarded(ctx, each, service) for each in enabled_stores(ctx)]
    rows = [(each["store_id"], *[each[name] for name in _NUMBERS]) for each in documents]
    text = table(("store", *_NUMBERS), rows, empty="No store is connected and switched on.")
    reasons = [reason for each in documents for reason in each.get("reasons", ())]
    show({"stores": documents}, "\n".join([text, *reasons]))
    return not any(each["failed"] or each["needs_attention"] for each in documents)


def _guarded(
    ctx: ServiceContext, store_id: str, service: Callable[[ServiceContext, str], Any]
) -> dict[str, Any]:
    """One store's document; a store that fails leaves the others alone."""
    try:
        document: dict[str, Any] = service(ctx, store_id).as_document()
    except CovaPluginError as exc:
        return {
            "store_id": store_id,
            **dict.fromkeys(_NUMBERS, 0),
            "failed": 1,
            "reasons": [f"{store_id}: {exc.message}"],
        }
    return document


@command(orders, "list")
@click.option(
    "--state", type=click.Choice([state.value for state in PushState]), help="Only this state."
)
@click.option("--store", "store_id", help="Only this store.")
def list_orders(state: str | None, store_id: str | None) -> None:
    """Show the queue, newest first."""
    ctx = current_services()
    if store_id is not None:
        require_store(ctx, store_id)
    with ctx.database.short() as connection:
        found = outbox.pushes(connection, store_id=store_id, state=state)
    paused = stores_on_hold(ctx)
    documents = [_document(push, paused) for push in found]
    headings = ("order_id", "store_id", "state", "cova_order_id", "attempts", "reason")
    rows = [tuple(document[name] for name in headings) for document in documents]
    show({"orders": documents}, table(headings, rows, empty="There are no such orders."))


@command(orders, "show")
@click.argument("order_id")
@click.option("--store", "store_id", help="The store, where two share an order id.")
def show_order(order_id: str, store_id: str | None) -> None:
    """Show one order's whole timeline."""
    ctx = current_services()
    found = rescue_orders.find_push(ctx, order_id, store_id)
    events = rescue_orders.timeline_of(ctx, found)
    document = _document(found, stores_on_hold(ctx)) | {
        "cova_customer_id": found.cova_customer_id,
        "fix": found.fix,
        "warning": found.warning,
        "timeline": [
            {"at": event.at.isoformat(), "event": event.event, "detail": event.detail}
            for event in events
        ],
    }
    lines = [f"Order {found.order_id} of store {found.store_id}: {found.state}"]
    lines += [text for text in (document["reason"], found.fix, found.warning) if text]
    lines += [f"  {event.at:%Y-%m-%d %H:%M:%S}  {event.event}  {event.detail}" for event in events]
    show(document, "\n".join(lines))


@command(orders, "retry")
@click.argument("order_id", required=False)
@click.option("--store", "store_id", help="The store; needed where two share an order id.")
@click.option("--all", "retry_all", is_flag=True, help="Every order that needs a person.")
@click.option("--cause", help="With --all: only this cause, as orders causes names it.")
def retry(order_id: str | None, store_id: str | None, retry_all: bool, cause: str | None) -> bool:
    """Make an order due at once, whatever its delay; or all that wait for a person."""
    ctx = current_services()
    if retry_all == (order_id is not None):
        raise click.UsageError("Name one order, or say --all.")
    if cause and not retry_all:
        raise click.UsageError("--cause goes with --all.")
    if order_id is None:
        return _retry_many(ctx, store_id, cause)
    found = rescue_orders.find_push(ctx, order_id, store_id)
    next_step = rescue_orders.retry_order(ctx, found, by=_OPERATOR)
    _show_again(ctx, found, next_step)
    return True


def _retry_many(ctx: ServiceContext, store_id: str | None, cause: str | None) -> bool:
    documents = []
    for each in [store_id] if store_id is not None else enabled_stores(ctx):
        retried, left = retry_cause(ctx, each, cause, by=_OPERATOR)
        documents.append({"store_id": each, "retried": retried, "left": left})
    rows = [tuple(each.values()) for each in documents]
    show(
        {"stores": documents},
        table(("store", "retried", "left"), rows, empty="No store is connected and switched on."),
    )
    return not any(each["left"] for each in documents)


@command(orders, "causes")
@click.option("--store", "store_id", help="Only this store.")
def causes(store_id: str | None) -> None:
    """Show what the orders that need a person wait for."""
    ctx = current_services()
    if store_id is not None:
        require_store(ctx, store_id)
    found = [
        (each, cause)
        for each in ([store_id] if store_id is not None else enabled_stores(ctx))
        for cause in causes_of(ctx, each)
    ]
    documents = [
        {
            "store_id": each,
            "cause": cause.key,
            "kind": cause.kind,
            "number_of_orders": cause.number_of_orders,
            "reason": cause.reason,
            "fix": cause.fix,
        }
        for each, cause in found
    ]
    headings = ("store_id", "cause", "number_of_orders", "reason", "fix")
    rows = [tuple(document[name] for name in headings) for document in documents]
    show({"causes": documents}, table(headings, rows, empty="No order needs a person."))


@command(orders, "by-hand")
@click.argument("order_id")
@click.option("--store", "store_id", help="The store, where two share an order id.")
@click.option("--note", default="", help="Such as the receipt's number; kept in the timeline.")
@click.option("--sold", is_flag=True, help="It was sold, too: without, its stock stays held.")
def by_hand(order_id: str, store_id: str | None, note: str, sold: bool) -> None:
    """Finish an order that somebody has entered at the register."""
    ctx = current_services()
    found = rescue_orders.find_push(ctx, order_id, store_id)
    if sold and found.state == PushState.COMPLETED:
        say_sold(ctx, found, by=_OPERATOR)
        _show_again(ctx, found, "Its stock is counted with the next stock reading.")
        return
    enter_by_hand(ctx, found, by=_OPERATOR, note=note, sold=sold)
    kept = "" if sold else " Its stock stays held; say --sold once it is sold."
    _show_again(ctx, found, f"It is not sent. Move the shop's own order on in the shop.{kept}")


@command(orders, "restore-address")
@click.argument("order_id")
@click.option("--store", "store_id", help="The store, where two share an order id.")
def give_address_back(order_id: str, store_id: str | None) -> None:
    """Put the address back into COVA that this order overwrote."""
    ctx = current_services()
    found = rescue_orders.find_push(ctx, order_id, store_id)
    restore_address(ctx, found, by=_OPERATOR)
    _show_again(ctx, found, "The customer has the earlier address in COVA again.")


@command(orders, "cancel")
@click.argument("order_id")
@click.option("--store", "store_id", help="The store, where two share an order id.")
def cancel(order_id: str, store_id: str | None) -> bool:
    """Take an order back from COVA and free its stock."""
    ctx = current_services()
    found = rescue_orders.find_push(ctx, order_id, store_id)
    rescue_orders.cancel_order(ctx, found, by=_OPERATOR)
    push_due_orders(ctx, found.store_id)
    after = _show_again(ctx, found, "")
    return after.state != PushState.NEEDS_ATTENTION


def _show_again(ctx: ServiceContext, before: Push, note: str) -> Push:
    after = rescue_orders.find_push(ctx, before.order_id, before.store_id)
    text = f"Order {after.order_id} is now: {after.state}. {after.reason} {note}".strip()
    show(_document(after, stores_on_hold(ctx)) | {"note": note}, text)
    return after


def _document(push: Push, paused: set[str]) -> dict[str, Any]:
    """The contract's keys; `paused` are the stores whose Sync Orders is off."""
    is_paused = push.store_id in paused and is_held_back(push)
    return {
        "order_id": push.order_id,
        "store_id": push.store_id,
        "state": push.state,
        "cova_order_id": push.cova_order_id,
        "attempts": push.attempts,
        "reason": PAUSED_REASON if is_paused else push.reason or push.warning,
        "paused": is_paused,
        "next_attempt_at": push.next_attempt_at.isoformat() if push.next_attempt_at else None,
    }
