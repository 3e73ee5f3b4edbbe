"""What monitoring sees, with and without the token (contract section 4)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from tests.unit.web.kit import Records

TOKEN = "a token for the monitor"
RIGHT = {"Authorization": f"Bearer {TOKEN}"}
WRONG = [
    {},
    {"Authorization": "Bearer wrong"},
    {"Authorization": f"Basic {TOKEN}"},
    {"Authorization": TOKEN},
    {"Authorization": "Bearer "},
    {"Authorization": "Bearer größer"},
]


@pytest.mark.parametrize("headers", WRONG)
def test_health_says_one_word_without_the_token(
    make_shop: Callable[..., Flask], headers: dict[str, str]
) -> None:
    shop = make_shop(COVA_METRICS_TOKEN=TOKEN)
    Records(shop).connect()

    answer = shop.test_client().get("/cova/health", headers=headers)

    assert answer.status_code == 200
    assert answer.json == {"status": "ok"}
    assert answer.headers["Cache-Control"] == "no-store"


def test_health_says_all_with_the_token(make_shop: Callable[..., Flask]) -> None:
    shop = make_shop(COVA_METRICS_TOKEN=TOKEN)
    records = Records(shop)
    records.connect()
    records.order("1", "needs_attention")

    document = shop.test_client().get("/cova/health", headers=RIGHT).json

    assert document["status"] == "attention"
    assert document["stores"][0]["needs_attention"] == 1


def test_health_never_says_all_where_no_token_is_configured(shop: Flask, records: Records) -> None:
    records.connect()

    assert shop.test_client().get("/cova/health", headers=RIGHT).json == {"status": "ok"}
    for empty in ("Bearer ", "Bearer None"):
        answer = shop.test_client().get("/cova/health", headers={"Authorization": empty})
        assert answer.json == {"status": "ok"}


def test_health_answers_before_the_tables_exist(make_shop: Callable[..., Flask]) -> None:
    shop = make_shop(with_tables=False, COVA_METRICS_TOKEN=TOKEN)

    for headers in ({}, RIGHT):
        answer = shop.test_client().get("/cova/health", headers=headers)
        assert answer.status_code == 503
        assert answer.json["status"] == "down"


def test_metrics_are_not_there_without_a_configured_token(shop: Flask) -> None:
    assert shop.test_client().get("/cova/metrics").status_code == 404
    assert shop.test_client().get("/cova/metrics", headers=RIGHT).status_code == 404


@pytest.mark.parametrize("headers", WRONG)
def test_metrics_need_the_right_token(
    make_shop: Callable[..., Flask], headers: dict[str, str]
) -> None:
    shop = make_shop(COVA_METRICS_TOKEN=TOKEN)

    answer = shop.test_client().get("/cova/metrics", headers=headers)

    assert answer.status_code == 401
    assert "cova_" not in answer.text


def test_metrics_are_prometheus_text(make_shop: Callable[..., Flask]) -> None:
    shop = make_shop(COVA_METRICS_TOKEN=TOKEN)
    records = Records(shop)
    records.connect()
    records.synced()
    records.order("1")

    answer = shop.test_client().get("/cova/metrics", headers=RIGHT)

    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert 'cova_order_queue_depth{store="north"} 1' in answer.text


def test_a_page_before_the_tables_exist_says_what_to_do(make_shop: Callable[..., Flask]) -> None:
    shop = make_shop(with_tables=False)

    answer = shop.test_client().get("/cova/north/")

    assert answer.status_code == 503
    assert "flask cova init-db" in answer.text
