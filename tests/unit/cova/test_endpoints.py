"""Addresses that secrets may travel to, and paths that can be overridden."""

from __future__ import annotations

import pytest

from aiq_cova_plugin.cova.endpoints import DEFAULT_PATHS, CovaEndpoints
from aiq_cova_plugin.errors import ConfigurationError


@pytest.mark.parametrize(
    "url",
    [
        "https://api.covasoft.net",
        "https://api.covasoft.net/",
        "http://127.0.0.1:5000",
        "http://localhost:5000/sub",
        "http://[::1]:5000",
        "http://127.8.8.8",
    ],
)
def test_good_addresses(url: str):
    address = CovaEndpoints(api_url=url).url("locations", {"company_id": 7})
    assert address == url.rstrip("/") + "/entitymanager/v1/Companies(7)/Locations"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.covasoft.net",
        "http://api.covasoft.net",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
        "ftp://api.covasoft.net",
        "https://user:pass@api.covasoft.net",
        "https://api.covasoft.net/?a=b",
        "https://api.covasoft.net/#x",
        "https://api.covasoft.net:port",
        "https://[::1",
        "https://",
    ],
)
@pytest.mark.parametrize(
    ("argument", "key"), [("api_url", "COVA_API_URL"), ("token_url", "COVA_TOKEN_URL")]
)
def test_bad_addresses_name_the_key(url: str, argument: str, key: str):
    with pytest.raises(ConfigurationError) as caught:
        CovaEndpoints(**{argument: url})
    assert caught.value.field == key


@pytest.mark.parametrize(
    "paths",
    [
        {"nonsense": "/x"},
        {"locations": "x"},
        {"locations": "/{order_id}"},
        {"locations": "/{company_id"},
        {"pay_order": "/{company_id}"},
    ],
)
def test_bad_paths_are_refused(paths):
    with pytest.raises(ConfigurationError):
        CovaEndpoints(paths=paths)


def test_every_operation_belongs_to_a_service():
    endpoints = CovaEndpoints()
    assert {endpoints.service(operation) for operation in DEFAULT_PATHS} == {
        "dataplatform",
        "entitymanager",
        "taxes",
        "crm",
        "covaorderintake",
        "pointofsale",
    }
