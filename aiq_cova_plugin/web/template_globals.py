"""What the macros of `cova/macros.html` call, on the host's own pages.

Registered as Jinja globals named `cova_…`, so that the macros work however they are imported.
Nothing here may take a page of the host down: what fails is logged and left out.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, TypeVar

from flask import Blueprint, g, url_for

from aiq_cova_plugin.services.products.show_products import (
    followed_fields,
    owned_fields,
    product_states,
    standing_of,
)
from aiq_cova_plugin.services.stores import load_connection
from aiq_cova_plugin.services.watch.show_orders import push_of
from aiq_cova_plugin.services.watch.show_runs import running_run
from aiq_cova_plugin.web import csrf
from aiq_cova_plugin.web.store_health import StoreHealth, store_health
from aiq_cova_plugin.web.sync_button import ButtonState
from aiq_cova_plugin.web.visible_text import cova_shown
from aiq_cova_plugin.web.words.product_words import product_words
from aiq_cova_plugin.web.words.view_models import PUSH_WORDS, RUN_WORDS, words_of
from aiq_cova_plugin.wiring import current_services

log = logging.getLogger("aiq_cova_plugin")
T = TypeVar("T")


def add_template_globals(blueprint: Blueprint) -> None:
    """Make the `cova_…` functions known to every template of the app."""
    for function in (
        cova_csrf_field,
        cova_widget_styles,
        cova_button_state,
        cova_order_state,
        cova_product_states,
        cova_product_standing,
        cova_store_state,
    ):
        blueprint.add_app_template_global(function, function.__name__)
    blueprint.add_app_template_filter(cova_shown, "cova_shown")


def _or_nothing(function: Callable[..., T]) -> Callable[..., T | None]:
    @wraps(function)
    def guarded(*args: Any) -> T | None:
        try:
            return function(*args)
        except Exception:  # the host's page matters more than our part of it
            log.exception("template_function_failed", extra={"function": function.__name__})
            return None

    return guarded


@_or_nothing
def cova_csrf_field() -> dict[str, str]:
    """Name and value of the hidden field that a form of ours needs."""
    return {"name": csrf.field_name(), "value": csrf.csrf_token()}


@_or_nothing
def cova_widget_styles() -> str:
    """The style sheet of the macros, the first time it is asked for in a request; then empty."""
    if g.get("_cova_widget_styles"):
        return ""
    g._cova_widget_styles = True
    return url_for("cova.static", filename="widgets.css")


@_or_nothing
def cova_button_state(store_id: Any) -> ButtonState | None:
    """What the store's Sync button shows; None for a user who may not sync, and for a store that
    is not connected to COVA or is switched off."""
    ctx, store_id = current_services(), str(store_id)
    settings = load_connection(ctx, store_id)
    if settings is None or not settings.enabled or not ctx.host.can("sync", store_id):
        return None
    run = running_run(ctx, store_id)
    if run is None:
        return ButtonState(store_id)
    address = url_for("cova.run", store_id=store_id, run_id=run.id)
    return ButtonState(
        store_id,
        poll_url=address,
        run_url=address,
        words=RUN_WORDS["running"],
        asks_at_once=True,
    )


@_or_nothing
def cova_order_state(store_id: Any, order_id: Any) -> dict[str, Any] | None:
    """How an order stands with COVA, in words; None when it was never queued."""
    store_id, order_id = str(store_id), str(order_id)
    push = push_of(current_services(), store_id, order_id)
    if push is None:
        return None
    return {
        "words": words_of(PUSH_WORDS, push.state),
        "reason": push.reason or push.warning,
        "has_warning": bool(push.warning),
        "url": url_for("cova.order", store_id=store_id, order_id=order_id),
    }


@_or_nothing
def cova_product_states(store_id: Any, cova_product_ids: Iterable[Any]) -> dict[str, Any]:
    """How these products stand with COVA, read in one query and kept for this request.

    dict: COVA product id, as it was handed in → standing, words, address and `follows`, the
    names of the fields in which a sync overwrites what the shop has; without products COVA never
    sent, and empty for a user who may not see COVA's pages of the store. A page of a hundred
    products calls it once, before the macro `cova_product_state` for each.
    """
    ctx, store_id = current_services(), str(store_id)
    if not ctx.host.can("view", store_id):
        return {}
    ids = [str(each) for each in cova_product_ids]
    known = product_states(ctx, store_id, ids)
    owned = owned_fields(ctx, store_id) if known else frozenset()
    kept: dict[tuple[str, str], Any] = g.setdefault("_cova_products", {})
    for each in ids:
        state = known.get(each.lower())
        kept[store_id, each] = state and {
            "standing": standing_of(state),
            "words": product_words(state, now=ctx.clock.now()),
            "name": state.name,
            "follows": sorted(followed_fields(state, owned)),
            "url": url_for("cova.product", store_id=store_id, product_id=state.cova_product_id),
        }
    return {each: kept[store_id, each] for each in ids if kept[store_id, each]}


@_or_nothing
def cova_product_standing(store_id: Any, cova_product_id: Any) -> dict[str, Any] | None:
    """How one product stands; None when there is nothing to show."""
    key = str(store_id), str(cova_product_id)
    if key not in g.get("_cova_products", {}):
        cova_product_states(*key[:1], [key[1]])
    found: dict[str, Any] | None = g.get("_cova_products", {}).get(key)
    return found


@_or_nothing
def cova_store_state(store_id: Any) -> StoreHealth | None:
    """How the store stands with COVA and what needs a person; None when the user may not see."""
    return store_health(current_services(), str(store_id))
