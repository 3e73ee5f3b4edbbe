"""For monitoring: `/health` as JSON, `/metrics` as Prometheus text (contract section 4)."""

from __future__ import annotations

import hmac
import logging
from typing import Any

from flask import Response, abort, jsonify, request
from flask.typing import ResponseReturnValue

from aiq_cova_plugin.config import Config
from aiq_cova_plugin.services.watch.health import health_of
from aiq_cova_plugin.services.watch.metrics import metrics_text
from aiq_cova_plugin.wiring import current_services

log = logging.getLogger("aiq_cova_plugin")


def health() -> ResponseReturnValue:
    """How the plugin is; in full for a caller with the token, one word for any other.

    503 when it is down, so that a monitor which reads only the status notices.
    """
    ctx = current_services()
    document = _document()
    if not _has_token(ctx.config):
        document = {"status": document["status"]}
    response = jsonify(document)
    response.status_code = 503 if document["status"] == "down" else 200
    return response


def metrics() -> ResponseReturnValue:
    """The same as numbers. 404 when no token is configured, 401 without the right one."""
    ctx = current_services()
    if ctx.config.metrics_token is None:
        abort(404)
    if not _has_token(ctx.config):
        return Response("A bearer token is needed.\n", 401, {"WWW-Authenticate": "Bearer"})
    return Response(metrics_text(ctx), content_type="text/plain; version=0.0.4; charset=utf-8")


def _document() -> dict[str, Any]:
    try:
        return health_of(current_services())
    except Exception:  # a monitor must get an answer, most of all when something is broken
        log.exception("health_failed")
        return {"status": "down"}


def _has_token(config: Config) -> bool:
    if config.metrics_token is None:
        return False
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(
        given.strip().encode(), config.metrics_token.encode()
    )
