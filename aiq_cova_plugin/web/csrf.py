"""Every request that changes something proves that it came from one of our pages.

Flask-WTF's token, checked by ourselves, so that it holds whether or not the host has a
`CSRFProtect`, and whatever its `WTF_CSRF_ENABLED` says. A host's own check comes on top.
"""

from __future__ import annotations

from flask import abort, current_app, request
from flask_wtf.csrf import CSRFError, generate_csrf, validate_csrf
from wtforms import ValidationError

from aiq_cova_plugin.errors import ConfigurationError

HEADER = "X-CSRFToken"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_FORMS = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})


def check_csrf() -> None:
    """Raise `CSRFError` (400) for an unsafe request without the session's token.

    One with the token that is no form is refused with 415: read as a form it would be an empty one, which
    says "off" to every switch.
    """
    if request.method in _SAFE_METHODS:
        return
    _require_secret_key()
    token = (
        request.headers.get(HEADER)
        or request.form.get("csrf_token")
        or request.form.get(field_name())
    )
    try:
        validate_csrf(token)
    except ValidationError as exc:
        raise CSRFError(str(exc)) from exc
    if request.mimetype not in _FORMS and (request.mimetype or request.content_length):
        abort(415)


def csrf_token() -> str:
    """The token for the forms of this request. Raises `ConfigurationError` without a key."""
    _require_secret_key()
    return str(generate_csrf())


def field_name() -> str:
    """What the hidden field is called, so that a host's own check finds the token too."""
    return str(current_app.config.get("WTF_CSRF_FIELD_NAME", "csrf_token"))


def _require_secret_key() -> None:
    if not current_app.secret_key:
        raise ConfigurationError(
            "The shop's Flask app has no SECRET_KEY, so forms cannot be protected.",
            field="SECRET_KEY",
            fix="Ask whoever runs this shop to set SECRET_KEY in the app's configuration.",
        )
