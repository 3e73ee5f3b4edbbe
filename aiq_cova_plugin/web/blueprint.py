"""The table of contents of the staff pages: every address, its view, and who may see it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, request

from aiq_cova_plugin.config import DEFAULTS, Config, load_config
from aiq_cova_plugin.resources import asset_dir
from aiq_cova_plugin.web import health
from aiq_cova_plugin.web.access import permission_of
from aiq_cova_plugin.web.csrf import check_csrf
from aiq_cova_plugin.web.errors import add_error_pages
from aiq_cova_plugin.web.pages import (
    activity,
    holds,
    order,
    order_settings,
    orders,
    overview,
    pos_settings,
    preview,
    product,
    products,
    reconcile,
    runs,
    settings,
    specifications,
)
from aiq_cova_plugin.web.template_globals import add_template_globals
from aiq_cova_plugin.web.visible_text import show_unseen_in

OWN_LAYOUT = "cova/layout.html"

STORE_PAGES: tuple[tuple[str, str, str, Callable[..., Any]], ...] = (
    # methods, path, endpoint, view
    ("GET", "/<store_id>/", "overview", overview.show),
    ("GET POST", "/<store_id>/settings", "settings", settings.show_or_save),
    ("POST", "/<store_id>/settings/test", "test_connection", settings.test_connection),
    ("GET POST", "/<store_id>/pos-settings", "pos_settings", pos_settings.show_or_save),
    ("GET", "/<store_id>/pos-settings/matches", "rule_matches", pos_settings.matches),
    (
        "GET POST",
        "/<store_id>/pos-settings/specifications",
        "specifications",
        specifications.show_or_save,
    ),
    (
        "POST",
        "/<store_id>/pos-settings/specifications/use",
        "specification_use",
        specifications.use,
    ),
    (
        "GET",
        "/<store_id>/pos-settings/specifications/doubts",
        "specification_doubts",
        specifications.doubts,
    ),
    (
        "GET",
        "/<store_id>/products/<product_id>/specifications",
        "product_specifications",
        specifications.product,
    ),
    (
        "POST",
        "/<store_id>/products/<product_id>/specifications/ask",
        "product_ask_cova",
        specifications.ask,
    ),
    ("GET", "/<store_id>/products", "products", products.list_products),
    ("POST", "/<store_id>/products/compare", "products_compare", products.compare),
    ("GET", "/<store_id>/products/<product_id>", "product", product.show),
    ("POST", "/<store_id>/products/<product_id>/lock", "product_lock", product.lock),
    ("POST", "/<store_id>/products/<product_id>/unlock", "product_unlock", product.unlock),
    ("POST", "/<store_id>/products/<product_id>/exclude", "product_exclude", product.exclude),
    ("POST", "/<store_id>/products/<product_id>/include", "product_include", product.include),
    ("POST", "/<store_id>/products/<product_id>/category", "product_category", product.category),
    ("POST", "/<store_id>/products/<product_id>/restore", "product_restore", product.restore),
    ("POST", "/<store_id>/sync", "sync", runs.start),
    ("GET", "/<store_id>/runs", "runs", runs.list_runs),
    ("GET", "/<store_id>/runs/<run_id>", "run", runs.show),
    ("GET", "/<store_id>/preview", "preview", preview.show),
    ("POST", "/<store_id>/preview", "preview_start", preview.start),
    ("GET", "/<store_id>/reconcile", "reconcile", reconcile.show),
    ("POST", "/<store_id>/reconcile", "reconcile_start", reconcile.start),
    ("POST", "/<store_id>/reconcile/statuses", "poll_now", reconcile.poll),
    ("POST", "/<store_id>/reconcile/sweep", "sweep_now", reconcile.sweep),
    ("POST", "/<store_id>/reconcile/free-stock", "free_stock", reconcile.free_stock),
    ("GET", "/<store_id>/activity", "activity", activity.show),
    ("GET", "/<store_id>/orders", "orders", orders.list_orders),
    ("GET", "/<store_id>/orders/<order_id>", "order", order.show),
    ("POST", "/<store_id>/orders/<order_id>/retry", "order_retry", order.retry),
    ("POST", "/<store_id>/orders/<order_id>/cancel", "order_cancel", order.cancel),
    ("POST", "/<store_id>/orders/<order_id>/customer", "order_customer", order.customer),
    ("POST", "/<store_id>/orders/<order_id>/phone", "order_phone", order.phone),
    ("POST", "/<store_id>/orders/<order_id>/ask", "order_ask", order.ask),
    ("POST", "/<store_id>/orders/<order_id>/by-hand", "order_by_hand", order.by_hand),
    (
        "POST",
        "/<store_id>/orders/<order_id>/restore-address",
        "order_restore_address",
        order.give_address_back,
    ),
    ("POST", "/<store_id>/retry-orders", "orders_retry", orders.retry_many),
    ("GET POST", "/<store_id>/order-settings", "order_settings", order_settings.show_or_save),
    ("GET", "/<store_id>/holds", "holds", holds.show),
)

# These belong to no store and ask for a token instead of a permission.
OPEN_PAGES: tuple[tuple[str, str, Callable[..., Any]], ...] = (
    ("/health", "health", health.health),
    ("/metrics", "metrics", health.metrics),
)

_ASSETS = ("cova.css", "cova.js", "widgets.css")

# Applies to our own layout alone: a host's layout may need more than this allows.
_CONTENT_POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'self'"
)


class _StaffPages(Blueprint):
    """The blueprint, and a mark that changes whenever one of its assets does."""

    asset_version: str = ""


def build_blueprint(config: Config | None = None) -> Blueprint:
    """The plugin's pages under `config.url_prefix`, as blueprint `cova`; one per app."""
    config = config or load_config(DEFAULTS, {})
    static = asset_dir("static") / "cova"
    blueprint = _StaffPages(
        "cova",
        "aiq_cova_plugin",
        url_prefix=config.url_prefix,
        template_folder=str(asset_dir("templates")),
        static_folder=str(static),
        static_url_path="/static",
    )
    blueprint.asset_version = _version_of(static)
    for methods, path, endpoint, view in STORE_PAGES:
        if permission_of(view) is None:
            raise RuntimeError(f"The page {endpoint} asks for no permission.")
        blueprint.add_url_rule(path, endpoint, view, methods=methods.split())
    for path, endpoint, view in OPEN_PAGES:
        blueprint.add_url_rule(path, endpoint, view)
    blueprint.before_request(check_csrf)
    blueprint.after_request(show_unseen_in)
    blueprint.after_request(_header_writer(uses_own_layout=config.base_template == OWN_LAYOUT))
    add_error_pages(blueprint, base_template=config.base_template)
    add_template_globals(blueprint)
    return blueprint


def _header_writer(*, uses_own_layout: bool) -> Callable[[Response], Response]:
    def write(response: Response) -> Response:
        if request.endpoint == "cova.static":
            return response
        response.headers["Cache-Control"] = "no-store"
        response.vary.add("HX-Request")
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Referrer-Policy", "same-origin")
        if uses_own_layout:
            response.headers.setdefault("Content-Security-Policy", _CONTENT_POLICY)
        return response

    return write


def _version_of(folder: Path) -> str:
    """A mark of the assets' content, so that browsers take a new version at once."""
    digest = hashlib.sha256()
    for name in _ASSETS:
        digest.update((folder / name).read_bytes())
    return digest.hexdigest()[:10]
