"""Section 2: the token endpoint, and 1: path style."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

import pytest
import requests

from aiq_cova_plugin.simulator import Simulator

from .conftest import Caller

TREE = "/entitymanager/v1/Companies({c})/Tree"


def test_each_login_mints_a_new_token_and_both_work(caller: Caller) -> None:
    first = caller.token

    answer = caller.log_in()

    assert answer.json()["expires_in"] == 43199
    assert answer.json()["token_type"] == "bearer"
    assert len(answer.json()["access_token"]) == 32
    assert caller.token != first
    assert caller.get(TREE).status_code == 200
    caller.token = first
    assert caller.get(TREE).status_code == 200


def test_a_trailing_slash_and_other_case_are_tolerated(sim: Simulator, caller: Caller) -> None:
    form = {
        "grant_type": "password",
        "username": sim.username,
        "password": sim.password,
        "client_id": sim.client_id,
        "client_secret": sim.client_secret,
    }
    assert requests.post(sim.url + "/V1/OAuth2/Token/", data=form, timeout=5).status_code == 200
    assert caller.get("/EntityManager/V1/companies({c})/TREE").status_code == 200


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"grant_type": "client_credentials"}, "unsupported_grant_type"),
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"client_id": "wrong"}, "invalid_client"),
        ({"password": "wrong"}, "invalid_grant"),
        ({"username": "wrong"}, "invalid_grant"),
        ({"grant_type": "refresh_token", "refresh_token": "wrong"}, "invalid_grant"),
    ],
)
def test_a_bad_login_is_a_400_with_an_oauth_code(
    sim: Simulator, changes: dict[str, str], code: str
) -> None:
    answer = Caller(sim).log_in(**changes)

    assert answer.status_code == 400
    assert answer.json()["error"] == code
    assert answer.json()["error_description"]


def test_json_is_no_login(sim: Simulator) -> None:
    answer = requests.post(sim.token_url, json={"grant_type": "password"}, timeout=5)

    assert answer.status_code == 400


def test_a_refresh_token_works_once_and_ends_its_access_token(caller: Caller) -> None:
    login = caller.log_in().json()

    caller.log_in(grant_type="refresh_token", refresh_token=login["refresh_token"])

    assert caller.get(TREE).status_code == 200
    caller.token = login["access_token"]
    assert caller.get(TREE).status_code == 401
    again = caller.log_in(grant_type="refresh_token", refresh_token=login["refresh_token"])
    assert again.json()["error"] == "invalid_grant"


def test_a_refresh_token_ends_after_seven_days(sim: Simulator, caller: Caller) -> None:
    refresh = caller.log_in().json()["refresh_token"]

    sim.clock.advance(7 * 86400 + 1)

    answer = caller.log_in(grant_type="refresh_token", refresh_token=refresh)
    assert answer.json()["error"] == "invalid_grant"


@pytest.mark.parametrize("token", ["", "0123456789abcdef0123456789abcdef"])
def test_a_missing_or_unknown_token_is_a_401(caller: Caller, token: str) -> None:
    caller.token = token

    answer = caller.get(TREE)

    assert answer.status_code == 401
    assert "Message" in answer.json()


def test_a_token_expires_with_the_simulated_clock(sim: Simulator, caller: Caller) -> None:
    sim.clock.advance(43198)
    assert caller.get(TREE).status_code == 200

    sim.clock.advance(2)

    assert caller.get(TREE).status_code == 401


def test_tokens_can_be_revoked(sim: Simulator, caller: Caller) -> None:
    sim.state.revoke_tokens()

    assert caller.get(TREE).status_code == 401


def test_the_date_header_is_the_simulated_time_and_there_once(
    sim: Simulator, caller: Caller
) -> None:
    sim.clock.advance(86400)

    date = parsedate_to_datetime(caller.get(TREE).headers["Date"])

    assert abs((date - sim.clock.now()).total_seconds()) < 5


def test_unknown_paths_and_methods_are_json(caller: Caller) -> None:
    missing = caller.get("/crm/v1/Companies({c})/Nothing")
    assert missing.status_code == 404
    assert missing.json() == {"Message": "Resource cannot be found"}
    assert caller.call("PATCH", TREE).status_code == 405
    assert "Message" in caller.call("PATCH", TREE).json()


@pytest.mark.parametrize("status", [403, 404, 500])
def test_somebody_elses_company_is_refused(sim: Simulator, caller: Caller, status: int) -> None:
    sim.switches.wrong_company_status = status

    answer = caller.get("/crm/v1/Companies(1)/Customers")

    assert answer.status_code == status
    assert "Message" in answer.json()
    feed = caller.call("POST", "/dataplatform/v1/companies/1/DetailedProductData", {})
    assert feed.status_code == status
