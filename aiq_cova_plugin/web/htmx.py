"""htmx on the server's side: who asks, and what is sent back beside the markup."""

from __future__ import annotations

from typing import Any, Literal, cast

import flask
from htmx_flask import Htmx, make_response
from htmx_flask.requests import HtmxAwareRequest

Level = Literal["ok", "error"]


def enable_htmx(app: flask.Flask) -> None:
    """Give the app's requests the attribute `htmx`, and keep the host's own request class.

    htmx-flask alone replaces the class. Does nothing when the host has enabled it already.
    """
    if "htmx" in app.extensions:
        return
    host_class = app.request_class
    Htmx().init_app(app)
    if host_class is not flask.Request and not issubclass(host_class, HtmxAwareRequest):
        app.request_class = type(f"Htmx{host_class.__name__}", (HtmxAwareRequest, host_class), {})


def is_htmx() -> bool:
    """Does this request want a fragment? A page restored from history wants the whole page.

    Read from the headers, since another extension may have set the app's request class back.
    """
    headers = flask.request.headers
    return (
        headers.get("HX-Request") == "true"
        and headers.get("HX-Boosted") != "true"
        and headers.get("HX-History-Restore-Request") != "true"
    )


def target_id() -> str:
    """The id of the element the fragment will go into; empty when there is none."""
    return flask.request.headers.get("HX-Target", "")


def answer(
    markup: str,
    *,
    status: int = 200,
    toast: tuple[Level, str] | None = None,
    field_errors: dict[str, str] | None = None,
) -> flask.Response:
    """A fragment; `toast` is said to the reader, `field_errors` are put beside their fields."""
    events: dict[str, Any] = {}
    if toast is not None:
        events["cova-toast"] = {"level": toast[0], "text": toast[1]}
    if field_errors is not None:
        events["cova-field-errors"] = {"errors": field_errors}
    return cast(flask.Response, make_response(markup, status, trigger=events or None))
