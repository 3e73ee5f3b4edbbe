"""The wrapper around htmx-flask, and the words of times and states."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import flask
import pytest
from htmx_flask.requests import HtmxAwareRequest

from aiq_cova_plugin.config import load_config
from aiq_cova_plugin.web.blueprint import build_blueprint
from aiq_cova_plugin.web.htmx import enable_htmx
from aiq_cova_plugin.web.pages.preview import value_text
from aiq_cova_plugin.web.words.view_models import (
    PUSH_WORDS,
    counted,
    event_words,
    moment,
    relative_time,
    words_of,
)

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


class HostRequest(flask.Request):
    """A host's own request class."""

    belongs_to_host = True


def test_the_hosts_request_class_is_kept() -> None:
    app = flask.Flask("shop")
    app.request_class = HostRequest

    enable_htmx(app)
    enable_htmx(app)

    assert issubclass(app.request_class, HostRequest)
    assert issubclass(app.request_class, HtmxAwareRequest)
    with app.test_request_context(headers={"HX-Request": "true"}):
        assert flask.request.belongs_to_host
        assert flask.request.htmx


def test_a_plain_app_gets_htmx() -> None:
    app = flask.Flask("shop")

    enable_htmx(app)

    assert app.request_class is HtmxAwareRequest


def test_many_apps_each_have_a_blueprint_of_their_own() -> None:
    config = load_config({"COVA_URL_PREFIX": "/pos"}, {})

    first, second = build_blueprint(config), build_blueprint(config)

    assert first is not second
    assert (first.name, first.url_prefix) == ("cova", "/pos")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "just now"),
        (-4, "just now"),
        (3, "any moment"),
        (-5, "5 seconds ago"),
        (-59, "59 seconds ago"),
        (-60, "1 minute ago"),
        (-3599, "59 minutes ago"),
        (3600, "in 1 hour"),
        (-86_400, "1 day ago"),
        (-40 * 86_400, "1 month ago"),
        (-800 * 86_400, "2 years ago"),
    ],
)
def test_relative_time(seconds: float, text: str) -> None:
    assert relative_time(NOW + timedelta(seconds=seconds), NOW) == text


@pytest.mark.parametrize(
    ("at", "zone", "local"),
    [
        (NOW, "America/Denver", "today at 05:00"),
        (NOW - timedelta(hours=6), "America/Denver", "yesterday at 23:00"),
        (NOW + timedelta(hours=20), "America/Denver", "tomorrow at 01:00"),
        (NOW - timedelta(days=40), "America/Denver", "14 Oct, 06:00"),
        (NOW - timedelta(days=400), "America/Denver", "19 Oct 2025, 06:00"),
        (NOW, "Nowhere/At_All", "today at 12:00"),
    ],
)
def test_times_are_shown_as_the_store_reads_them(at: datetime, zone: str, local: str) -> None:
    """Denver leaves summer time on 1 November."""
    shown = moment(at, zone=zone, now=NOW)

    assert shown is not None
    assert shown.local == local
    assert shown.iso == at.isoformat()


def test_an_unknown_zone_is_said_to_be_utc() -> None:
    shown = moment(NOW, zone="Nowhere/At_All", now=NOW)

    assert shown is not None
    assert "(UTC)" in shown.exact
    assert moment(None, zone="UTC", now=NOW) is None


def test_what_is_not_in_the_tables_is_shown_as_it_is() -> None:
    assert words_of(PUSH_WORDS, "some_new_state").label == "Some new state"
    assert event_words("some_new_step").label == "Some new step"
    assert counted(1, "product") == "1 product"
    assert counted(1204, "product") == "1,204 products"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        ("", "–"),
        ([], "–"),
        (True, "yes"),
        (False, "no"),
        ("12.5", "12.5"),
        (["a", "b"], "a, b"),
        ({"value": "3.5", "unit": "g"}, "3.5 g"),
        ({"name": "THC", "value": "20", "max_value": None, "unit": "%", "text": ""}, "THC 20 %"),
        ("x" * 200, "x" * 119 + "…"),
    ],
)
def test_stored_values_in_a_few_words(value: object, text: str) -> None:
    assert value_text(value) == text
