"""The Flask app: what happens to every call before and after its own route."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException
from werkzeug.http import http_date

from . import (
    api_customer_parts,
    api_customers,
    api_entities,
    api_inventory,
    api_orders,
    api_products,
    api_sales,
    api_taxes,
    api_token,
    cashier,
    control,
    control_faults,
    wounds,
)
from .faults import BEFORE_EFFECT, Fault
from .state import RequestRecord
from .wire import NOT_FOUND, ApiError, refusal
from .world import World, attach, the_world

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

DROP = "simulator.drop_connection"
#: The services' first path segments; only these need a token and have rate limits.
SERVICES = frozenset(
    {
        "dataplatform",
        "covaorderintake",
        "pointofsale",
        "crm",
        "entitymanager",
        "pricing",
        "taxes",
        "invoice",
        "catalogs",
        "availability",
    }
)


class LiteralCase:
    """WSGI wrapper: path literals in any case, and dropped connections (section 1).

    Routes are declared in lower case and so is what they get: all ids in paths are numbers,
    GUIDs or times, which mean the same in either case.
    """

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        environ["simulator.path"] = path
        if path.lower().rstrip("/") == "/v1/oauth2/token" or is_service_path(path):
            # A trailing slash on the token's address is tolerated (section 2.1).
            environ["PATH_INFO"] = path.lower().rstrip("/")
        answered = self._app(environ, start_response)
        if environ.get(DROP):
            # The server drops the socket when the application fails like this, answering nothing.
            raise ConnectionAbortedError("The simulator was told to drop this connection.")
        return answered


def is_service_path(path: str) -> bool:
    """Whether that path belongs to one of COVA's services."""
    return path.lstrip("/").partition("/")[0].lower() in SERVICES


def create_app(world: World) -> Flask:
    """The simulator's app around that world."""
    app = Flask(__name__, static_folder=None, template_folder=None)
    app.url_map.merge_slashes = False
    app.url_map.strict_slashes = False
    attach(app, world)
    for module in (
        api_token,
        api_products,
        api_inventory,
        api_customers,
        api_customer_parts,
        api_entities,
        api_taxes,
        api_orders,
        api_sales,
        control,
        control_faults,
        cashier,
    ):
        app.register_blueprint(module.blueprint)
    cashier.add_templates(app)
    world.faults.operations = frozenset(
        rule.endpoint.rpartition(".")[2]
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith(("api_", "token."))
    )
    app.before_request(_before)
    app.after_request(_after)
    app.register_error_handler(ApiError, _api_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _broken)
    # mypy sees a method being replaced; wrapping it is what Flask's own documentation does.
    app.wsgi_app = LiteralCase(app.wsgi_app)  # type: ignore[method-assign]
    return app


def _before() -> ResponseReturnValue | None:
    world = the_world()
    g.allowance = None
    g.fault = None
    path: str = request.environ["simulator.path"]
    g.operation = (request.endpoint or "unknown").rpartition(".")[2]
    is_service = is_service_path(path)
    g.is_api = is_service or g.operation == "token"
    if not g.is_api:
        return _foreign_origin()
    g.fault = world.faults.take(
        operation=g.operation, method=request.method, path=path, username=_username(world)
    )
    early = _fail_early(world, g.fault)
    if early is not None:
        return early
    if not is_service:
        return None
    service = path.lstrip("/").partition("/")[0].lower()
    g.allowance = world.limits.count(service, world.clock.now())
    if g.allowance.is_exceeded and world.switches.rate_limit_enforced:
        return _too_many(world, g.allowance.reset_seconds)
    if world.state.token_owner(_bearer(), world.clock.now()) is None:
        return refusal(401, "Authorization has been denied for this request.")
    return _wrong_company(world)


def _after(response: Response) -> Response:
    world = the_world()
    fault: Fault | None = g.get("fault")
    if fault is not None and fault.action not in BEFORE_EFFECT:
        response = _fail_late(world, fault, response)
    allowance = g.get("allowance")
    if allowance is not None and world.switches.rate_limit_headers:
        response.headers.update(allowance.headers())
    response.headers["Date"] = http_date(world.clock.now())
    _record(world, response)
    return response


def _fail_early(world: World, fault: Fault | None) -> Response | None:
    if fault is None:
        return None
    if fault.action == "delay":
        world.faults.wait(wounds.seconds_of(fault))
        return None
    if fault.action not in BEFORE_EFFECT:
        return None
    if fault.action == "timeout_before_effect":
        world.faults.wait(wounds.seconds_of(fault))
        return _drop()
    if fault.action == "reset_before":
        return _drop()
    return wounds.refusal_of(fault, world)


def _fail_late(world: World, fault: Fault, response: Response) -> Response:
    if fault.action == "timeout_after_effect":
        world.faults.wait(wounds.seconds_of(fault))
        return _drop()
    if fault.action == "reset_after":
        return _drop()
    return wounds.wound(fault, response)


def _drop() -> Response:
    request.environ[DROP] = True
    return Response(status=500)


def _too_many(world: World, reset_seconds: int) -> Response:
    message = f"Rate limit is exceeded. Try again in {reset_seconds} seconds."
    if world.switches.rate_limit_text:
        response = Response(message, status=429, content_type="text/plain; charset=utf-8")
    else:
        response = refusal(429, message)
    if world.switches.rate_limit_retry_after:
        response.headers["Retry-After"] = str(reset_seconds)
    return response


def _wrong_company(world: World) -> Response | None:
    company = (request.view_args or {}).get("company")
    if company is None or company == world.account.company_id:
        return None
    status = world.switches.wrong_company_status
    texts = {404: NOT_FOUND, 500: "Entity is not related to company"}
    return refusal(status, texts.get(status, "You do not have access to this company."))


def _bearer() -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _username(world: World) -> str | None:
    if g.operation == "token":
        return request.form.get("username")
    return world.state.token_owner(_bearer(), world.clock.now())


def _foreign_origin() -> Response | None:
    """Refuse a form that another site posted to the cashier's page or the control interface."""
    if request.method in ("GET", "HEAD", "OPTIONS"):
        return None
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != request.host:
        return refusal(403, "The request came from another site.")
    return None


def _record(world: World, response: Response) -> None:
    if not g.get("is_api"):
        return
    fault: Fault | None = g.get("fault")
    dropped = bool(request.environ.get(DROP))
    with world.state.lock:
        world.state.requests.append(
            RequestRecord(
                method=request.method,
                path=request.environ["simulator.path"],
                operation=g.operation,
                status=0 if dropped else response.status_code,
                at=world.clock.now(),
                fault=None if fault is None else fault.action,
            )
        )


def _api_error(error: ApiError) -> Response:
    return refusal(error.status, error.message)


_TEXTS = {404: NOT_FOUND, 405: "The requested resource does not support that http method."}


def _http_error(error: HTTPException) -> Response:
    status = error.code or 500
    return refusal(status, _TEXTS.get(status, error.name))


def _broken(error: Exception) -> Response:
    # A bug of the simulator must be seen as one and not as a fault on purpose.
    the_world().broken.append(error)
    return refusal(500, f"The simulator itself failed: {type(error).__name__}: {error}")
