"""The budget: below the limit, orders first, never a long wait."""

from __future__ import annotations

import threading

import pytest

from aiq_cova_plugin.cova.rate_limit import AnnouncedLimit, RateBudget, announced_limit
from aiq_cova_plugin.errors import RateLimited


@pytest.fixture
def budget_of_ten(watch) -> RateBudget:
    return RateBudget(calls_per_minute=10, monotonic=watch.monotonic, sleep=watch.sleep)


def take(budget, count, priority="orders", *, company_id=1, service="crm"):
    for _ in range(count):
        budget.acquire(company_id=company_id, service=service, priority=priority)


def test_the_budget_ends_and_says_for_how_long(budget_of_ten, watch):
    take(budget_of_ten, 10)
    watch.now += 20
    with pytest.raises(RateLimited) as caught:
        take(budget_of_ten, 1)
    assert caught.value.retry_after == pytest.approx(40)
    watch.now += 40
    take(budget_of_ten, 10)


def test_a_short_wait_is_waited(budget_of_ten, watch):
    take(budget_of_ten, 10)
    watch.now += 59
    take(budget_of_ten, 1)
    assert watch.slept == [pytest.approx(1)]


def test_companies_and_services_do_not_share(budget_of_ten):
    take(budget_of_ten, 10)
    take(budget_of_ten, 10, company_id=2)
    take(budget_of_ten, 10, service="taxes")


def test_a_fifth_is_kept_for_orders(budget_of_ten):
    take(budget_of_ten, 8, "catalogue")
    with pytest.raises(RateLimited):
        take(budget_of_ten, 1, "catalogue")
    take(budget_of_ten, 2, "orders")


def test_the_catalogue_lets_a_waiting_order_go_first(watch):
    """The window has moved and a call is free, but an order sleeps in front of it."""
    refused = []

    def sleep(seconds: float) -> None:
        watch.sleep(seconds)
        if not refused:
            refused.append("catalogue")
            with pytest.raises(RateLimited):
                take(budget, 1, "catalogue")

    budget = RateBudget(calls_per_minute=1, monotonic=watch.monotonic, sleep=sleep)
    take(budget, 1, "orders")
    watch.now += 59
    take(budget, 1, "orders")
    assert refused == ["catalogue"]
    watch.now += 60
    take(budget, 1, "catalogue")


def test_at_most_four_fifths_of_the_announced_limit(budget_of_ten):
    budget_of_ten.observe(company_id=1, service="crm", headers={"COVA-APIM-RateLimit-Limit": "5"})
    take(budget_of_ten, 4)
    with pytest.raises(RateLimited):
        take(budget_of_ten, 1)


def test_a_generous_limit_does_not_raise_our_own(budget_of_ten):
    budget_of_ten.observe(
        company_id=1, service="crm", headers={"COVA-APIM-RateLimit-Limit": "1000"}
    )
    take(budget_of_ten, 10)
    with pytest.raises(RateLimited):
        take(budget_of_ten, 1)


def test_when_others_used_it_up_the_rest_is_for_orders(budget_of_ten):
    headers = {
        "COVA-APIM-RateLimit-Limit": "1000",
        "COVA-APIM-RateLimit-Remaining": "150",
        "COVA-APIM-RateLimit-ResetSeconds": "30",
    }
    budget_of_ten.observe(company_id=1, service="crm", headers=headers)
    with pytest.raises(RateLimited) as caught:
        take(budget_of_ten, 1, "catalogue")
    assert caught.value.retry_after == pytest.approx(30)
    take(budget_of_ten, 1, "orders")


def test_nothing_left_closes_it_for_all(budget_of_ten, watch):
    headers = {"X-RateLimit-Limit": "1000", "X-RateLimit-Remaining": "0"}
    budget_of_ten.observe(company_id=1, service="crm", headers=headers)
    with pytest.raises(RateLimited) as caught:
        take(budget_of_ten, 1)
    assert caught.value.retry_after == pytest.approx(60)
    watch.now += 60
    take(budget_of_ten, 1, "catalogue")


def test_a_pause_closes_it_for_all_but_not_for_ever(budget_of_ten, watch):
    budget_of_ten.pause(company_id=1, service="crm", seconds=1e9)
    budget_of_ten.pause(company_id=1, service="crm", seconds=-1)
    with pytest.raises(RateLimited) as caught:
        take(budget_of_ten, 1)
    assert caught.value.retry_after == pytest.approx(600)
    take(budget_of_ten, 1, service="taxes")


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, AnnouncedLimit()),
        ({"COVA-APIM-RateLimit-Limit": "1000"}, AnnouncedLimit(limit=1000)),
        (
            {
                "x-ratelimit-limit": "9",
                "x-ratelimit-remaining": "0",
                "x-ratelimit-resetseconds": "3",
            },
            AnnouncedLimit(9, 0, 3.0),
        ),
        ({"X-RateLimit-Reset": "2026-01-01T00:00:00Z"}, AnnouncedLimit()),
        ({"X-RateLimit-Limit": "many", "X-RateLimit-Remaining": "nan"}, AnnouncedLimit()),
        ({"X-RateLimit-Limit": "0"}, AnnouncedLimit()),
        ({"X-RateLimit-Limit": "-4", "Limit": "5"}, AnnouncedLimit()),
    ],
)
def test_the_headers_are_read_by_their_ending(headers, expected):
    assert announced_limit(headers) == expected


def test_threads_together_stay_within_the_budget(budget_of_ten):
    outcomes = []

    def ask():
        try:
            take(budget_of_ten, 1)
            outcomes.append("called")
        except RateLimited:
            outcomes.append("refused")

    threads = [threading.Thread(target=ask) for _ in range(25)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("called") == 10
