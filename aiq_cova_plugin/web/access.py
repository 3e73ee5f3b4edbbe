"""Who may see and do what. Every view of a store goes through `needs`.

The host is asked first, so that a store one may not see looks the same as one that is not there.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Literal

from flask import abort, request
from flask.typing import ResponseReturnValue

from aiq_cova_plugin.errors import NeedsOperator, UnknownStore
from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.services.stores import require_store
from aiq_cova_plugin.store.database import is_database_trouble
from aiq_cova_plugin.web.page import StorePage
from aiq_cova_plugin.wiring import current_services

Action = Literal["view", "sync", "configure", "orders"]
StoreView = Callable[..., ResponseReturnValue]


class PermissionMissing(Exception):
    """The user may not do `action` in this store."""

    def __init__(self, action: str) -> None:
        super().__init__(action)
        self.action = action


class DatabaseTrouble(NeedsOperator):
    """The database failed under a page; most often the plugin's tables are not there yet."""


def needs(action: Action) -> Callable[[StoreView], StoreView]:
    """Let a view of a store answer only users who may do `action` there.

    The view is called with a `StorePage` in place of the store's id. Raises
    `PermissionMissing` (403), and answers 404 for a store the host does not have.
    """

    def decorate(view: StoreView) -> StoreView:
        @wraps(view)
        def checked(store_id: str, **values: Any) -> ResponseReturnValue:
            ctx = current_services()
            if not ctx.host.can(action, store_id):
                raise PermissionMissing(action)
            if any("\x00" in str(each) for each in [*values.values(), *request.args.values()]):
                # No text in PostgreSQL has one, so nothing of that name is here.
                abort(404)
            if any("\x00" in each for each in request.form.values()):
                abort(400)
            try:
                return view(_page_of(ctx, store_id), **values)
            except Exception as exc:
                if not is_database_trouble(exc):
                    raise
                ctx.database.end_reading()
                raise DatabaseTrouble(
                    "The shop's database could not answer.",
                    detail=type(exc).__name__,
                    fix="If COVA was just installed or upgraded, its tables may be missing: ask "
                    "whoever runs this shop to run flask cova init-db.",
                ) from exc

        checked.required_permission = action  # type: ignore[attr-defined]  # read by the blueprint
        return checked

    return decorate


def permission_of(view: Callable[..., Any]) -> str | None:
    """The permission a view asks for; None when it asks for none."""
    found: str | None = getattr(view, "required_permission", None)
    return found


def _page_of(ctx: ServiceContext, store_id: str) -> StorePage:
    try:
        return StorePage(ctx, require_store(ctx, store_id))
    except UnknownStore:
        abort(404)
