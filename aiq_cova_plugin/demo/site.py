"""What holds for every page of the site: security headers and error pages."""

from __future__ import annotations

from flask import Flask, Response, render_template, request
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DataError
from werkzeug.exceptions import HTTPException, NotFound

from aiq_cova_plugin.demo.models import db

_TEXTS = {
    403: ("Not for you", "You are not signed in, or may not do this in this store."),
    400: (
        "This cannot be read",
        "The form or the address is not one of ours. Go back and try again.",
    ),
    405: ("Not like this", "This page cannot be opened that way. Go back and try again."),
    413: ("Too much at once", "What was sent is larger than any form here. Please shorten it."),
    500: ("Our mistake", "Something went wrong here, and it is in the log. Please try again."),
    404: ("Nothing here", "There is no such page. Perhaps the product has left the menu."),
}


def init_app(app: Flask) -> None:
    """Add the headers and the error pages."""
    policy = _content_policy(str(app.config["DEMO_IMAGE_HOSTS"]))

    def add_headers(response: Response) -> Response:
        response.headers.setdefault("Content-Security-Policy", policy)
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Referrer-Policy", "same-origin")
        return response

    app.after_request(add_headers)
    app.register_error_handler(CSRFError, _form_expired)
    for status in _TEXTS:
        app.register_error_handler(status, _error_page)
    app.register_error_handler(OverflowError, _no_such_number)
    app.register_error_handler(DataError, _no_such_number)


def _content_policy(image_hosts: str) -> str:
    # Pictures may come from a simulator on this machine and from COVA's picture store; all else
    # is our own, with no script or style inside a page.
    images = f"'self' data: http://127.0.0.1:* http://localhost:* {image_hosts}".strip()
    return (
        f"default-src 'self'; img-src {images}; object-src 'none'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )


def _error_page(error: HTTPException) -> tuple[str, int]:
    status = error.code or 500
    title, text = _TEXTS[status]
    return render_template("demo/error.html", title=title, text=text, path=_path()), status


def _no_such_number(_error: OverflowError | DataError) -> tuple[str, int]:
    """A number in the address that no database knows: there is no such thing."""
    # PostgreSQL answers nothing more in a transaction in which it refused something.
    db.session.rollback()
    return _error_page(NotFound())


def _form_expired(_error: CSRFError) -> tuple[str, int]:
    text = "This form was open for too long, or in another session. Go back, reload and try again."
    return render_template("demo/error.html", title="Please try again", text=text, path=""), 400


def _path() -> str:
    """Where to return to after signing in; only a page that can simply be opened again."""
    return request.full_path.rstrip("?") if request.method == "GET" else ""
