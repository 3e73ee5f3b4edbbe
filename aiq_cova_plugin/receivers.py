"""Host signals in: one row written, one service called, never raised into checkout.

Receivers do no network I/O and use nothing but the host's own database session, so a host
may even send from SQLAlchemy's `before_commit`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any
from weakref import ref

from flask import Flask, has_app_context

from aiq_cova_plugin import signals
from aiq_cova_plugin.host import OrderNotFound
from aiq_cova_plugin.services.context import ServiceContext, log
from aiq_cova_plugin.services.orders.enqueue_order import enqueue_order, withdraw_order
from aiq_cova_plugin.services.stock.reserve_stock import hold_order
from aiq_cova_plugin.store.connections import connection_of


class Receivers:
    """Listens to one app's signals for as long as that app keeps this object."""

    def __init__(self, app: Flask, ctx: ServiceContext) -> None:
        self._app = ref(app)
        self._ctx = ctx

    def connect(self) -> None:
        """Listen. The signals hold us weakly, so an app that goes takes its receivers along."""
        signals.order_placed.connect(self.on_placed)
        signals.order_confirmed.connect(self.on_confirmed)
        signals.order_cancelled.connect(self.on_cancelled)

    def on_placed(self, sender: Any, *, store_id: str, order_id: str, **_more: Any) -> None:
        def hold() -> None:
            connection = self._ctx.database.shared()
            settings = connection_of(connection, store_id)
            if settings is not None and settings.enabled:
                order = self._ctx.host.get_order(store_id, order_id)
                hold_order(self._ctx, store_id, order_id, order.lines)

        self._handle(sender, "order_placed", store_id, order_id, hold)

    def on_confirmed(self, sender: Any, *, store_id: str, order_id: str, **_more: Any) -> None:
        def enqueue() -> None:
            enqueue_order(self._ctx, self._ctx.host.get_order(store_id, order_id))

        self._handle(sender, "order_confirmed", store_id, order_id, enqueue)

    def on_cancelled(self, sender: Any, *, store_id: str, order_id: str, **_more: Any) -> None:
        self._handle(
            sender,
            "order_cancelled",
            store_id,
            order_id,
            lambda: withdraw_order(self._ctx, store_id, order_id),
        )

    def _handle(
        self, sender: Any, event: str, store_id: str, order_id: str, work: Callable[[], None]
    ) -> None:
        app = self._app()
        # `current_app` is a proxy and compares equal to the app without being it.
        if app is None or not (sender is app or sender == app):
            return
        ids = {"store_id": store_id, "order_id": order_id, "signal_event": event}
        with nullcontext() if has_app_context() else app.app_context():
            try:
                database = self._ctx.database
                database.guarded(database.shared(), work)
            except OrderNotFound:
                log.warning("signal_for_unknown_order", extra=ids)
            except Exception:  # noqa: BLE001 - a checkout goes through whatever happens to us
                # The sweep over the host's confirmed orders finds what was missed here.
                log.exception("signal_not_handled", extra=ids)
