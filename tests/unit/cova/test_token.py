"""One token for all, renewed in time, and every refusal on its field."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
import responses as responses_library

from aiq_cova_plugin.cova.endpoints import CovaEndpoints
from aiq_cova_plugin.cova.token import MemoryTokenStore, StoredToken, TokenProvider, token_key
from aiq_cova_plugin.errors import (
    BadCredentials,
    ContractBroken,
    CovaUnavailable,
    NotFound,
    RateLimited,
)

TOKEN_URL = "https://accounts.iqmetrix.net/v1/oauth2/token"


@pytest.fixture
def accounts():
    """The token endpoint: hands out token-1, token-2 and so on."""
    with responses_library.RequestsMock(assert_all_requests_are_fired=False) as mocked:
        for number in range(1, 6):
            mocked.post(TOKEN_URL, json={"access_token": f"token-{number}", "expires_in": 1000})
        yield mocked


@pytest.fixture
def make_provider(credentials, token_store, clock, transport, watch):
    def make(*, credentials=credentials, store=token_store, transport=transport):
        return TokenProvider(
            CovaEndpoints(),
            credentials,
            store,
            clock,
            transport=transport,
            monotonic=watch.monotonic,
            sleep=watch.sleep,
        )

    return make


def test_a_token_is_renewed_at_nine_tenths_of_its_life(make_provider, clock, accounts):
    provider = make_provider()
    assert provider.token() == "token-1"
    clock.advance(899)
    assert provider.token() == "token-1"
    clock.advance(1)
    assert provider.token() == "token-2"


def test_a_token_is_shared_through_the_store(make_provider, accounts):
    assert make_provider().token() == "token-1"
    assert make_provider().token() == "token-1"
    assert len(accounts.calls) == 1


def test_an_old_token_in_the_store_is_not_used(make_provider, clock, accounts):
    make_provider().token()
    clock.advance(5000)
    assert make_provider().token() == "token-2"


def test_a_changed_password_does_not_find_the_old_token(make_provider, credentials, accounts):
    make_provider().token()
    changed = make_provider(credentials=replace(credentials, password="another"))
    assert changed.token() == "token-2"


def test_the_key_tells_everything_apart_and_nothing_away(credentials):
    key = token_key(TOKEN_URL, credentials)
    others = {
        token_key(TOKEN_URL + "/", credentials),
        *(
            token_key(TOKEN_URL, replace(credentials, **{name: "x"}))
            for name in ("username", "password", "client_id", "client_secret")
        ),
    }
    assert len(others | {key}) == 6
    assert len(key) == 64
    assert key == token_key(TOKEN_URL, replace(credentials, location_id=7))


def test_a_discarded_token_is_gone_for_all_and_a_newer_one_stays(make_provider, accounts):
    one, other = make_provider(), make_provider()
    assert one.token() == other.token() == "token-1"
    one.discard("token-1")
    assert one.token() == "token-2"
    # The other still holds token-1, is refused with it, and finds the new one.
    other.discard("token-1")
    assert other.token() == "token-2"
    assert len(accounts.calls) == 2


def test_log_in_always_asks_and_shares_what_it_gets(make_provider, accounts):
    provider = make_provider()
    provider.token()
    provider.log_in()
    assert provider.token() == "token-2"
    assert make_provider().token() == "token-2"


def test_ten_threads_ask_once(make_provider, accounts):
    provider = make_provider()
    start = threading.Barrier(10)
    got = []

    def ask():
        start.wait()
        got.append(provider.token())

    threads = [threading.Thread(target=ask) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == ["token-1"] * 10
    assert len(accounts.calls) == 1


class BusyStore(MemoryTokenStore):
    """Another process holds the lock; `arrives` is what it saves after two looks."""

    def __init__(self, arrives: StoredToken | None) -> None:
        super().__init__()
        self.arrives = arrives
        self.tries = 0

    @contextmanager
    def lock(self, key):
        self.tries += 1
        if self.tries == 3 and self.arrives:
            self.save(key, self.arrives)
        yield False


def test_the_token_another_process_is_asking_for_is_waited_for(make_provider, clock, accounts):
    later = clock.now() + timedelta(hours=1)
    store = BusyStore(StoredToken("theirs", later, later))
    assert make_provider(store=store).token() == "theirs"
    assert len(accounts.calls) == 0


def test_who_waits_in_vain_asks_alone(make_provider, watch, accounts):
    assert make_provider(store=BusyStore(None)).token() == "token-1"
    assert 4.5 < sum(watch.slept) < 6


def test_the_memory_store_lets_one_in_at_a_time():
    store = MemoryTokenStore()
    with store.lock("k") as first, store.lock("k") as second, store.lock("other") as third:
        assert (first, second, third) == (True, False, True)
    with store.lock("k") as again:
        assert again


@pytest.mark.parametrize(
    ("expires_in", "good_for"), [(None, 3240), ("1000", 900), (10**15, 544320), (0, 0), (-5, 0)]
)
def test_lifetimes_that_are_missing_or_odd(make_provider, clock, expires_in, good_for):
    with responses_library.RequestsMock() as mocked:
        mocked.post(TOKEN_URL, json={"access_token": "t", "expires_in": expires_in})
        provider = make_provider()
        assert provider.token() == "t"
        clock.advance(max(good_for - 1, 0))
        assert provider.token() == "t"
        assert len(mocked.calls) == (1 if good_for else 2)


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, "token_invalid_client", ("client_secret", "Client ID")),
        (401, "token_invalid_client", ("client_secret", "The client is not known.")),
        (400, "token_invalid_grant", ("password", "temporary password")),
        (401, "token_invalid_grant", ("password", "incorrect")),
        (401, "token_message_and_description", ("password", "Authorization has been denied.")),
        (401, None, ("password", "Username")),
    ],
)
def test_a_refused_log_in_names_the_field(make_provider, payload_text, status, body, expected):
    field, words = expected
    with responses_library.RequestsMock() as mocked:
        mocked.post(TOKEN_URL, status=status, body=payload_text(body) if body else b"")
        with pytest.raises(BadCredentials) as caught:
            make_provider().token()
    assert caught.value.field == field
    assert words in caught.value.message
    if field == "password":
        assert "5 to 10 minutes" in caught.value.fix


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, b'{"error": "unsupported_grant_type"}', ContractBroken),
        (400, b'{"Message": "Something"}', ContractBroken),
        (400, b"<html>", ContractBroken),
        (200, b"<html>", ContractBroken),
        (200, b"{}", ContractBroken),
        (200, b'{"access_token": ""}', ContractBroken),
        (200, b'{"access_token": "a", "expires_in": "soon"}', None),
        (302, b"", ContractBroken),
        (404, b"", NotFound),
        (429, b"", RateLimited),
        (500, b"", CovaUnavailable),
        (503, b"", CovaUnavailable),
    ],
)
def test_other_answers_of_the_token_endpoint(make_provider, status, body, kind):
    with responses_library.RequestsMock() as mocked:
        mocked.post(TOKEN_URL, status=status, body=body)
        provider = make_provider()
        if kind is None:
            assert provider.token() == "a"
        else:
            with pytest.raises(kind):
                provider.token()


def test_secrets_echoed_by_the_endpoint_are_hidden(make_provider):
    with responses_library.RequestsMock() as mocked:
        mocked.post(
            TOKEN_URL,
            status=400,
            json={
                "error": "invalid_grant",
                "error_description": "correct-horse is not the password, nor battery-staple",
            },
        )
        with pytest.raises(BadCredentials) as caught:
            make_provider().token()
    shown = caught.value.message + caught.value.detail
    assert "correct-horse" not in shown
    assert "battery-staple" not in shown


def test_a_token_does_not_show_itself(clock):
    assert "hidden-one" not in repr(StoredToken("hidden-one", clock.now(), clock.now()))
