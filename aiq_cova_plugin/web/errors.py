"""Every refusal and failure as a page, or as a toast for htmx: what happened, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, current_app, request, url_for
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import NotFound
from werkzeug.routing import BuildError

from aiq_cova_plugin.errors import (
    ConfigurationError,
    ContractBroken,
    CovaPluginError,
    IllegalMove,
    LeaseHeld,
    NeedsOperator,
    NotConnected,
    OutcomeUnknown,
    Rejected,
    Retryable,
    UnknownStore,
)
from aiq_cova_plugin.redaction import safe_reason
from aiq_cova_plugin.services.context import log
from aiq_cova_plugin.web.access import DatabaseTrouble, PermissionMissing
from aiq_cova_plugin.web.htmx import answer, is_htmx
from aiq_cova_plugin.web.page import render_plain

_STATUSES: tuple[tuple[type[CovaPluginError], int], ...] = (
    # The first that fits decides, so the narrow ones come first.
    (UnknownStore, 404),
    (IllegalMove, 409),
    (LeaseHeld, 409),
    (NotConnected, 409),
    (DatabaseTrouble, 503),
    (NeedsOperator, 422),
    (Rejected, 422),
    (Retryable, 503),
    (OutcomeUnknown, 502),
    (ContractBroken, 502),
    (ConfigurationError, 500),
)

_PERMISSIONS = {
    "view": "see COVA's pages of this store",
    "sync": "start a sync in this store",
    "configure": "change COVA's settings of this store",
    "orders": "act on this store's orders for COVA",
}


@dataclass(frozen=True)
class ErrorView:
    """What an error page says."""

    title: str
    message: str
    fix: str
    status: int
    request_id: str | None = None
    login_url: str = ""


def status_of(error: CovaPluginError) -> int:
    """The HTTP status a failure is answered with."""
    return next((status for kind, status in _STATUSES if isinstance(error, kind)), 500)


def add_error_pages(blueprint: Blueprint, *, base_template: str) -> None:
    """Let every failure inside the plugin's pages be answered with a page of ours."""

    def show(view: ErrorView, toast: str = "") -> Response:
        if is_htmx():
            text = toast or " ".join(part for part in (view.message, view.fix) if part)
            return answer("", status=view.status, toast=("error", text))
        return render_plain(
            "error/page.html", view, base_template=base_template, status=view.status
        )

    @blueprint.errorhandler(PermissionMissing)
    def permission_missing(error: PermissionMissing) -> Response:
        log.warning("access_refused", extra={"action": error.action, **_who()})
        what = _PERMISSIONS.get(error.action, error.action)
        return show(
            ErrorView(
                title="You may not do this",
                message=f"You may not be signed in, or your login has no permission to {what} "
                f"(“{error.action}”).",
                fix="Sign in to the shop first. If you are signed in, ask the owner of the shop "
                "for this permission.",
                status=403,
                login_url=_login_url(),
            )
        )

    @blueprint.errorhandler(CSRFError)
    def token_missing(_error: CSRFError) -> Response:
        log.warning("form_token_refused", extra=_who())
        return show(
            ErrorView(
                title="Please try again",
                message="This page was open for too long, or in another session, so nothing was "
                "changed.",
                fix="Go back, reload the page and press the button again.",
                status=400,
            )
        )

    @blueprint.errorhandler(NotFound)
    def not_found(_error: NotFound) -> Response:
        return show(
            ErrorView(
                title="Nothing here",
                message="This shop has no such store, product, sync or order.",
                fix="Check the address, or go back to the page you came from.",
                status=404,
            )
        )

    @blueprint.errorhandler(CovaPluginError)
    def failed(error: CovaPluginError) -> Response:
        status = status_of(error)
        response = show(
            ErrorView(
                title=_title(status),
                message=error.message,
                fix=error.fix or _default_fix(error),
                status=status,
                request_id=error.request_id,
            )
        )
        _say_when_to_return(response, error)
        return response


def _login_url() -> str:
    """The host's own login page, where it uses Flask-Login and has named one; empty otherwise."""
    endpoint = getattr(getattr(current_app, "login_manager", None), "login_view", None)
    if not isinstance(endpoint, str) or endpoint not in current_app.view_functions:
        return ""
    try:
        return url_for(endpoint)
    except BuildError:
        return ""


def _who() -> dict[str, str]:
    """Which page of which store was asked for; the id as the browser sent it, on one line."""
    store_id = str((request.view_args or {}).get("store_id", ""))
    return {"endpoint": request.endpoint or "", "store_id": safe_reason(store_id)}


def _say_when_to_return(response: Response, error: Any) -> None:
    if isinstance(error, Retryable) and error.retry_after is not None:
        response.headers["Retry-After"] = str(max(1, round(error.retry_after)))


def _title(status: int) -> str:
    return {
        404: "Nothing here",
        409: "Not right now",
        503: "Not available right now",
    }.get(status, "This did not work")


def _default_fix(error: CovaPluginError) -> str:
    return "Wait a minute and try again." if isinstance(error, Retryable) else ""
