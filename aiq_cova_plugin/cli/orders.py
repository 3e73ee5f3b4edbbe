"""`flask cova orders …`: send, read statuses, find what was missed, look, rescue."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from aiq_cova_plugin.cli.group import command, cova, show, table
from aiq_cova_plugin.domain.push_states import PushState
from aiq_cova_plugin.errors import CovaPluginError
from aiq_cova_plugin.services import rescue_orders
from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.services.poll_statuses import poll_statuses
from aiq_cova_plugin.services.push_orders import push_due_orders
from aiq_cova_plugin.services.stores import enabled_stores, require_store
from aiq_cova_plugin.services.sweep_orders import sweep_orders
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
    documents = [_document(push) for push in found]
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
    document = _document(found) | {
        "cova_customer_id": found.cova_customer_id,
        "fix": found.fix,
        "warning": found.warning,
        "timeline": [
            {"at": event.at.isoformat(), "event": event.event, "detail": event.detail}
            for event in events
        ],
    }
    lines = [f"Order {found.order_id} of store {found.store_id}: {found.state}"]
    lines += [text for text in (found.reason, found.fix, found.warning) if text]
    lines += [f"  {event.at:%Y-%m-%d %H:%M:%S}  {event.event}  {event.detail}" for event in events]
    show(document, "\n".join(lines))


@command(orders, "retry")
@click.argument("order_id")
@click.option("--store", "store_id", help="The store, where two share an order id.")
def retry(order_id: str, store_id: str | None) -> None:
    """Make an order due at once, whatever its delay."""
    ctx = current_services()
    found = rescue_orders.find_push(ctx, order_id, store_id)
    rescue_orders.retry_order(ctx, found, by=_OPERATOR)
    _show_again(ctx, found, "It is sent again with the next push.")


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
    show(_document(after), text)
    return after


def _document(push: Push) -> dict[str, Any]:
    return {
        "order_id": push.order_id,
        "store_id": push.store_id,
        "state": push.state,
        "cova_order_id": push.cova_order_id,
        "attempts": push.attempts,
        "reason": push.reason or push.warning,
        "next_attempt_at": push.next_attempt_at.isoformat() if push.next_attempt_at else None,
    }
