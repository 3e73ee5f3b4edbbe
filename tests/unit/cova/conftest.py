"""A client whose waits cost no time, and the payload files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import responses as responses_library

from aiq_cova_plugin.clock import FixedClock
from aiq_cova_plugin.cova.client import CovaClient
from aiq_cova_plugin.cova.credentials import CovaCredentials
from aiq_cova_plugin.cova.endpoints import CovaEndpoints
from aiq_cova_plugin.cova.rate_limit import RateBudget
from aiq_cova_plugin.cova.token import MemoryTokenStore, TokenProvider
from aiq_cova_plugin.cova.transport import Transport
from aiq_cova_plugin.schemas.json_text import parse_json

from tests.unit.cova.wire import ScriptedServer, Watch

PAYLOADS = Path(__file__).parents[2] / "payloads"
TOKEN_URL = "https://accounts.iqmetrix.net/v1/oauth2/token"


@pytest.fixture
def payload() -> Callable[[str], Any]:
    """A fresh copy of a payload: `payload("customer")`."""
    return lambda name: parse_json((PAYLOADS / f"{name}.json").read_bytes())


@pytest.fixture
def payload_text() -> Callable[[str], bytes]:
    """A payload as it goes over the wire."""
    return lambda name: (PAYLOADS / f"{name}.json").read_bytes()


@pytest.fixture
def credentials() -> CovaCredentials:
    return CovaCredentials(
        company_id=1000,
        location_id=1001,
        username="AIQ.COVA.APIUser.Example",
        password="correct-horse",
        client_id="Example.AIQ",
        client_secret="battery-staple",
        integrator_id="11111111-2222-4333-8444-555555555555",
    )


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(datetime(2026, 1, 20, 12, tzinfo=UTC))


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def budget(watch: Watch) -> RateBudget:
    return RateBudget(monotonic=watch.monotonic, sleep=watch.sleep)


@pytest.fixture
def transport(budget: RateBudget, watch: Watch) -> Iterator[Transport]:
    transport = Transport(budget=budget, monotonic=watch.monotonic, sleep=watch.sleep)
    yield transport
    transport.close()


@pytest.fixture
def token_store() -> MemoryTokenStore:
    return MemoryTokenStore()


@pytest.fixture
def make_client(
    credentials: CovaCredentials,
    clock: FixedClock,
    transport: Transport,
    token_store: MemoryTokenStore,
    watch: Watch,
) -> Callable[..., CovaClient]:
    """Build a client; keyword arguments replace its parts."""

    def make(
        *,
        endpoints: CovaEndpoints | None = None,
        credentials: CovaCredentials = credentials,
        transport: Transport = transport,
    ) -> CovaClient:
        endpoints = endpoints or CovaEndpoints()
        tokens = TokenProvider(
            endpoints,
            credentials,
            token_store,
            clock,
            transport=transport,
            monotonic=watch.monotonic,
            sleep=watch.sleep,
        )
        return CovaClient(
            endpoints=endpoints,
            credentials=credentials,
            transport=transport,
            tokens=tokens,
            clock=clock,
        )

    return make


@pytest.fixture
def client(make_client: Callable[..., CovaClient]) -> CovaClient:
    return make_client()


@pytest.fixture
def cova() -> Iterator[responses_library.RequestsMock]:
    """COVA's addresses, answered by `responses`; a token is there already."""
    with responses_library.RequestsMock(assert_all_requests_are_fired=False) as mocked:
        mocked.post(TOKEN_URL, json={"access_token": "token-1", "expires_in": 43199})
        yield mocked


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """A real server on this machine that does what its script says, even to the connection."""
    with ScriptedServer() as running:
        yield running
