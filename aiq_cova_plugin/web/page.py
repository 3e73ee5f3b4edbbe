"""One store's page while it is being answered: who, where, when; and how it is rendered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from flask import Response, current_app, make_response, redirect, render_template, session, url_for
from werkzeug.wrappers import Response as BaseResponse

from aiq_cova_plugin.host import NamesUsers, Store
from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.web import csrf
from aiq_cova_plugin.web.htmx import Level, answer
from aiq_cova_plugin.web.words.view_models import Moment, moment

_SOMEBODY = "staff"
"""Who did it, when the host cannot name its users."""

_NOTICE = "_cova_notice"

_NAVIGATION = (
    ("overview", "Overview", "view"),
    ("products", "Products", "view"),
    ("runs", "Syncs", "view"),
    ("orders", "Orders", "view"),
    ("holds", "Holds", "view"),
    ("reconcile", "Compare", "view"),
    ("pos_settings", "POS settings", "configure"),
    ("order_settings", "Order settings", "configure"),
    ("settings", "Connection", "configure"),
    ("activity", "Activity", "configure"),
)
_SECTIONS = {"run": "runs", "preview": "runs", "order": "orders", "product": "products"}


@dataclass(frozen=True)
class NavigationLink:
    """One link of the plugin's own menu."""

    label: str
    url: str
    is_current: bool


class StorePage:
    """What a view gets: the services, the store, and ways to answer."""

    def __init__(self, ctx: ServiceContext, store: Store) -> None:
        self.ctx = ctx
        self.store = store

    @cached_property
    def now(self) -> datetime:
        """The time this request is answered, one for the whole page."""
        return self.ctx.clock.now()

    def may(self, action: str) -> bool:
        """May the user do this here? For showing or leaving out a button."""
        return bool(self.ctx.host.can(action, self.store.id))

    @cached_property
    def actor(self) -> str:
        """Who is asking, for timelines and the audit trail."""
        host = self.ctx.host
        return (host.current_user() if isinstance(host, NamesUsers) else "") or _SOMEBODY

    def when(self, at: datetime | None) -> Moment | None:
        """A time as staff of this store read it."""
        return moment(at, zone=self.store.timezone, now=self.now)

    def url(self, endpoint: str, **values: Any) -> str:
        """The address of one of this store's pages."""
        return url_for(f"cova.{endpoint}", store_id=self.store.id, **values)

    def render(self, template: str, view: Any, *, section: str, status: int = 200) -> Response:
        """A whole page. `section` says which link of the menu is the current one."""
        return make_response(
            render_template(
                f"cova/{template}",
                cova_view=view,
                cova_page=_frame(self, section),
                cova_base_template=self.ctx.config.base_template,
            ),
            status,
        )

    def fragment(
        self,
        template: str,
        view: Any,
        *,
        status: int = 200,
        toast: tuple[Level, str] | None = None,
        field_errors: dict[str, str] | None = None,
    ) -> Response:
        """The part of a page that htmx asked for."""
        markup = render_template(
            f"cova/{template}", cova_view=view, cova_page=_frame(self, section="")
        )
        return answer(markup, status=status, toast=toast, field_errors=field_errors)

    def go_to(self, address: str, *, notice: str = "", level: Level = "ok") -> BaseResponse:
        """Send the browser on after a form was handled; `notice` is said on the next page."""
        if notice:
            session[_NOTICE] = [level, notice]
        return redirect(address, 303)


def render_plain(template: str, view: Any, *, base_template: str, status: int) -> Response:
    """A page that belongs to no store, such as a refusal: it names no store and no link."""
    return make_response(
        render_template(
            f"cova/{template}",
            cova_view=view,
            cova_page=_plain_frame(),
            cova_base_template=base_template,
        ),
        status,
    )


def _frame(page: StorePage, section: str) -> dict[str, Any]:
    section = _SECTIONS.get(section, section)
    links = [
        NavigationLink(label, page.url(endpoint), endpoint == section)
        for endpoint, label, action in _NAVIGATION
        if section and page.may(action)
    ]
    return _plain_frame() | {
        "store": page.store,
        "links": links,
        "may": page.may,
        "when": page.when,
        "url": page.url,
        "notice": session.pop(_NOTICE, None) if section and session.get(_NOTICE) else None,
        "csrf_token": csrf.csrf_token(),
    }


def _plain_frame() -> dict[str, Any]:
    nobody: Callable[[str], bool] = lambda _action: False  # noqa: E731 - one-line stand-in
    return {
        "store": None,
        "links": [],
        "may": nobody,
        "notice": None,
        "csrf_token": csrf.csrf_token() if current_app.secret_key else "",
        "csrf_field": csrf.field_name(),
        "asset_version": current_app.blueprints["cova"].asset_version,  # type: ignore[attr-defined]  # set by build_blueprint
    }
