"""The token endpoint (section 2)."""

from __future__ import annotations

import hmac

from flask import Blueprint, Response, request

from .faults import scenario_of
from .state import TOKEN_SECONDS, Token, fingerprint
from .wire import answer
from .world import World, the_world

blueprint = Blueprint("token", __name__)


@blueprint.post("/v1/oauth2/token")
def token() -> Response:
    """Mint a token for the password grant or the refresh grant; 400 with an OAuth code else."""
    world = the_world()
    if request.mimetype != "application/x-www-form-urlencoded":
        return _denied("invalid_request", "The request must be form encoded.")
    grant = request.form.get("grant_type", "")
    if grant not in ("password", "refresh_token"):
        return _denied("unsupported_grant_type", "The grant type is not supported.")
    account = world.account
    if not _same(request.form.get("client_id"), account.client_id) or not _same(
        request.form.get("client_secret"), account.client_secret
    ):
        return _denied("invalid_client", "The client id or secret is not valid.")
    if grant == "password":
        username = _known_user(world)
        if username is None:
            return _denied("invalid_grant", "The user name or password is incorrect.")
    else:
        old = _spend_refresh_token(world, request.form.get("refresh_token", ""))
        if old is None:
            return _denied("invalid_grant", "The refresh token is not valid.")
        username = old.username
    access, refresh = world.state.issue_token(username, account.client_id, world.clock.now())
    return answer(
        {
            "access_token": access,
            "token_type": "bearer",
            "expires_in": TOKEN_SECONDS,
            "refresh_token": refresh,
        }
    )


def _known_user(world: World) -> str | None:
    """The username given, with a scenario's suffix or without, when its password is right."""
    username = request.form.get("username", "")
    plain = username.rpartition("+")[0] if scenario_of(username) else username
    known = _same(plain, world.account.username)
    return (
        username if known and _same(request.form.get("password"), world.account.password) else None
    )


def _spend_refresh_token(world: World, refresh: str) -> Token | None:
    """The refresh token's record, used up: its access token ends with it (section 2.2)."""
    state = world.state
    with state.lock:
        old = state.refresh_tokens.pop(fingerprint(refresh), None)
        if old is None or old.expires_at <= world.clock.now():
            return None
        if old.access_key is not None:
            state.tokens.pop(old.access_key, None)
        return old


def _same(given: str | None, expected: str) -> bool:
    return hmac.compare_digest((given or "").encode(), expected.encode())


def _denied(code: str, description: str) -> Response:
    return answer({"error": code, "error_description": description}, 400)
