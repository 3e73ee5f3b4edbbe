"""Failures of the connection itself, on a real socket."""

from __future__ import annotations

import gzip
import socket
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from aiq_cova_plugin.cova.endpoints import CovaEndpoints
from aiq_cova_plugin.cova.failures import AnswerTooLarge, AnswerTooSlow
from aiq_cova_plugin.cova.transport import Transport
from aiq_cova_plugin.errors import (
    ContractBroken,
    CovaUnavailable,
    OutcomeUnknown,
    RateLimited,
    Rejected,
)
from aiq_cova_plugin.schemas.records import SalesOrderPayment

from tests.unit.cova.wire import CLOSE, HANG, RESET, reply

TOKEN = reply(200, b'{"access_token": "token-1", "expires_in": 100}')
PAGE = reply(200, b'{"Products": []}')
PAYMENT = SalesOrderPayment(Decimal(1), datetime(2026, 1, 1, tzinfo=UTC))


@pytest.fixture
def wired(make_client, server, budget, watch):
    """A client of the scripted server, logged in."""
    transport = Transport(
        budget=budget,
        monotonic=watch.monotonic,
        sleep=watch.sleep,
        connect_timeout_seconds=1,
        read_timeout_seconds=0.15,
        max_answer_bytes=100_000,
    )
    endpoints = CovaEndpoints(api_url=server.url, token_url=f"{server.url}/token")
    client = make_client(endpoints=endpoints, transport=transport)
    server.script.append(TOKEN)
    client.log_in()
    server.requests.clear()
    yield client
    client.close()


def read(client):
    return client.product_page(skip=0, top=1)


def write(client):
    return client.pay_order(order_id="o", payments=[PAYMENT])


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def test_a_read_survives_a_reset(wired, server):
    server.script += [RESET, CLOSE, PAGE]
    assert read(wired).products == ()
    assert len(server.requests) == 3


@pytest.mark.parametrize("how", [RESET, CLOSE, reply(200, b'{"Prod', content_length=1000)])
def test_a_read_gives_up_after_three_broken_connections(wired, server, how):
    server.script += [how] * 4
    with pytest.raises(CovaUnavailable):
        read(wired)
    assert len(server.requests) == 3


def test_a_slow_read_is_not_repeated(wired, server):
    server.script += [HANG]
    with pytest.raises(AnswerTooSlow):
        read(wired)
    assert len(server.requests) == 1


@pytest.mark.parametrize("how", [RESET, CLOSE, HANG])
def test_a_write_without_an_answer_is_sent_once_and_left_open(wired, server, how):
    server.script += [how, reply(200)]
    with pytest.raises(OutcomeUnknown) as caught:
        write(wired)
    assert len(server.requests) == 1
    assert b'"SaleID":"o"' in server.requests[0]
    assert "http" not in caught.value.detail.lower().replace("httperror", "")


def test_a_write_whose_answer_breaks_off_has_happened(wired, server):
    """Its status says so, and its body is not needed."""
    server.script += [reply(202, b'{"Id', content_length=1000)]
    write(wired)


def test_a_refusal_whose_body_breaks_off_is_still_a_refusal(wired, server):
    server.script += [reply(400, b'{"Mess', content_length=1000)]
    with pytest.raises(Rejected) as caught:
        write(wired)
    assert (caught.value.status, caught.value.reason) == (400, "")


@pytest.mark.parametrize("ask", [read, write])
def test_nobody_listens(make_client, budget, watch, ask):
    url = f"http://127.0.0.1:{free_port()}"
    transport = Transport(budget=budget, monotonic=watch.monotonic, sleep=watch.sleep)
    client = make_client(
        endpoints=CovaEndpoints(api_url=url, token_url=f"{url}/token"), transport=transport
    )
    with pytest.raises(CovaUnavailable) as caught:
        ask(client)
    assert type(caught.value) is CovaUnavailable
    client.close()


def test_a_write_nobody_listens_to_has_not_happened(wired, server, make_client, budget, watch):
    """The token is there already; the port of the API is closed."""
    transport = Transport(budget=budget, monotonic=watch.monotonic, sleep=watch.sleep)
    client = make_client(
        endpoints=CovaEndpoints(
            api_url=f"http://127.0.0.1:{free_port()}", token_url=f"{server.url}/token"
        ),
        transport=transport,
    )
    with pytest.raises(CovaUnavailable):
        write(client)
    assert server.requests == []
    assert client.calls == 1
    client.close()


def test_a_short_retry_after_is_respected_by_a_read(wired, server, watch):
    server.script += [reply(429, headers=("Retry-After: 3",)), PAGE]
    assert read(wired).products == ()
    assert watch.slept == [3.0]


def test_a_long_retry_after_is_left_to_the_caller_and_closes_the_service(wired, server, watch):
    server.script += [reply(429, headers=("Retry-After: 90",))]
    with pytest.raises(RateLimited) as caught:
        read(wired)
    assert caught.value.retry_after == 90
    with pytest.raises(RateLimited):
        read(wired)
    assert len(server.requests) == 1
    server.script += [reply(200)]
    write(wired)


def test_a_429_to_a_write_is_not_repeated(wired, server):
    server.script += [reply(429, headers=("Retry-After: 1",))]
    with pytest.raises(RateLimited) as caught:
        write(wired)
    assert caught.value.retry_after == 1
    assert len(server.requests) == 1


def test_an_answer_too_large_is_refused(wired, server):
    server.script += [reply(200, b" " * 100_001)]
    with pytest.raises(AnswerTooLarge):
        read(wired)


def test_a_compressed_answer_counts_by_what_it_unfolds_to(wired, server):
    bomb = gzip.compress(b" " * 5_000_000)
    server.script += [reply(200, bomb, headers=("Content-Encoding: gzip",))]
    with pytest.raises(AnswerTooLarge):
        read(wired)


def test_garbage_instead_of_gzip(wired, server):
    server.script += [reply(200, b"no gzip", headers=("Content-Encoding: gzip",))] * 3
    with pytest.raises(CovaUnavailable):
        read(wired)


def test_an_answer_that_drips_comes_to_an_end(wired, server, watch, monkeypatch):
    """Time passes with every look at the watch, as if each piece took a while."""

    def later() -> float:
        watch.now += 0.2
        return watch.now

    monkeypatch.setattr(wired._transport, "_monotonic", later)
    server.script += [reply(200, b" " * 90_000)]
    with pytest.raises(AnswerTooSlow):
        read(wired)


def test_garbage_instead_of_http(wired, server):
    server.script += [b"SSH-2.0-OpenSSH_9.2\r\n"] * 3
    with pytest.raises(CovaUnavailable):
        read(wired)
    server.script += [b"SSH-2.0-OpenSSH_9.2\r\n"]
    with pytest.raises(OutcomeUnknown):
        write(wired)


def test_nesting_beyond_reason(wired, server):
    server.script += [reply(200, b"[" * 90_000)]
    with pytest.raises(ContractBroken):
        read(wired)


def test_no_cookie_is_kept(wired, server):
    server.script += [reply(200, b'{"Products": []}', headers=("Set-Cookie: a=b",)), PAGE]
    read(wired)
    read(wired)
    assert b"Cookie" not in server.requests[1]


def test_a_netrc_does_not_replace_the_token(wired, server, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    server.script += [PAGE]
    read(wired)
    assert b"Authorization: Bearer token-1" in server.requests[0]
