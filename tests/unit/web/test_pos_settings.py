"""Store > Settings > POS: owners of fields, category rules, the unmapped inbox."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from typing import Any

import pytest

from aiq_cova_plugin.host import PRODUCT_FIELDS

from tests.unit.web.kit import NORTH, Browser, Records, busy_day

PATH = f"/cova/{NORTH}/pos-settings"
ALL_FIELDS = {"fields_shown": "1", "cova_fields": list(PRODUCT_FIELDS)}


@pytest.fixture(autouse=True)
def _something_to_map(records: Records) -> None:
    busy_day(records)


def rules(records: Records) -> dict[str, str]:
    return {row["pattern"]: row["category_id"] for row in records.rows("cova_category_rule")}


def settings(records: Records) -> dict[str, Any]:
    return records.rows("cova_connection")[0]


def test_every_field_can_be_given_away(browser_without_js: Browser) -> None:
    markup = browser_without_js.get(PATH).text

    for name in PRODUCT_FIELDS:
        assert f'id="owner-{name}"' in markup
    assert "The shop can sell what is not there" in markup


def test_a_field_switched_off_belongs_to_staff(
    browser_without_js: Browser, records: Records
) -> None:
    kept = [name for name in PRODUCT_FIELDS if name not in ("name", "image_urls")]

    answer = browser_without_js.post(PATH, {"fields_shown": "1", "cova_fields": kept})
    markup = browser_without_js.get(PATH).text

    assert answer.status_code == 303
    assert json.loads(settings(records)["staff_fields"]) == ["name", "image_urls"]
    assert not re.search(r'id="owner-name"[^>]* checked', markup)
    assert re.search(r'id="owner-price"[^>]* checked', markup)


def test_a_post_without_the_switches_leaves_the_owners_alone(
    browser_without_js: Browser, records: Records
) -> None:
    browser_without_js.post(PATH, {"fields_shown": "1", "cova_fields": ["price"]})
    before = settings(records)["staff_fields"]

    browser_without_js.post(PATH, {"rule_pattern": "Vape Kits", "rule_category": "3"})

    assert settings(records)["staff_fields"] == before
    assert rules(records) == {"Vape Kits": "3"}


def test_saving_makes_the_next_sync_apply_it_at_once(
    browser_without_js: Browser, records: Records
) -> None:
    version = settings(records)["settings_version"]

    browser_without_js.post(PATH, ALL_FIELDS)

    due = next(row["due_at"] for row in records.rows("cova_schedule") if row["job"] == "catalog")
    assert settings(records)["settings_version"] == version + 1
    assert datetime.fromisoformat(str(due).split(".")[0]) <= records.now.replace(
        tzinfo=None
    ) + timedelta(minutes=1)


def test_nothing_is_planned_for_a_store_that_is_off(
    browser_without_js: Browser, records: Records
) -> None:
    browser_without_js.post("/cova/south/pos-settings", ALL_FIELDS)

    assert [row for row in records.rows("cova_schedule") if row["store_id"] == "south"] == []


def test_the_inbox_counts_what_nobody_mapped_and_suggests(browser_without_js: Browser) -> None:
    markup = browser_without_js.get(PATH).text

    row = next(
        each for each in markup.split("<tr>") if "Vape Kits" in each and "inbox_path" in each
    )
    assert 'class="is-number">2<' in row
    assert '<option value="3">Vaporizers (suggested)</option>' in row
    assert "no classification at all" in markup


def test_a_choice_in_the_inbox_becomes_a_rule_and_leaves_the_inbox(
    browser_without_js: Browser, records: Records
) -> None:
    browser_without_js.post(PATH, {"inbox_path": ["Vape Kits"], "inbox_category": ["3"]})
    markup = browser_without_js.get(PATH).text

    assert rules(records) == {"Vape Kits": "3"}
    assert 'name="inbox_path" value="Vape Kits"' not in markup
    assert "matches 2 products" in markup


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("Flower", "matches 1 product"),
        ("flower > sativa", "matches 1 product"),
        ("vape kit", "matches 2 products"),
        ("Gummies", "matches 1 product"),
        ("Sativa > Flower", "matches no product"),
        ("Nothing of the kind", "matches no product"),
        ("  ", ""),
    ],
)
def test_a_rule_says_how_many_products_it_matches(
    browser_without_js: Browser, records: Records, pattern: str, said: str
) -> None:
    """Plural, case and spaces do not matter; the hidden product of the sample is archived."""
    records.product("p-old", "Winter Blend", "Flower", presence="archived")

    answer = browser_without_js.get(
        f"{PATH}/matches", query_string={"rule_pattern": pattern}, headers={"HX-Request": "true"}
    )

    assert answer.text.strip() == said


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"rule_pattern": ["Vape Kits"], "rule_category": [""]}, "Choose a category"),
        ({"rule_pattern": [""], "rule_category": ["1"]}, "Write the COVA classification"),
        ({"rule_pattern": ["Vape Kits"], "rule_category": ["99"]}, "no such category"),
        (
            {"rule_pattern": ["Vape Kits", "vape  kit"], "rule_category": ["1", "3"]},
            "two rules",
        ),
        ({"fallback_category_id": "99"}, "no such category"),
        ({"fields_shown": "1", "cova_fields": ["nonsense"]}, "no such product field"),
    ],
)
@pytest.mark.parametrize("htmx", [None, "cova-pos-settings"])
def test_bad_rules_come_back_and_nothing_is_saved(
    browser_without_js: Browser,
    records: Records,
    form: dict[str, Any],
    said: str,
    htmx: str | None,
) -> None:
    before = settings(records)

    answer = browser_without_js.post(PATH, form, htmx=htmx)

    assert answer.status_code == 422
    assert said in answer.text
    for pattern in form.get("rule_pattern", []):
        assert f'value="{pattern}"' in answer.text or not pattern
    assert rules(records) == {}
    assert settings(records) == before


def test_a_ticked_rule_is_removed(browser_without_js: Browser, records: Records) -> None:
    two = {"rule_pattern": ["Flower", "Vape Kits"], "rule_category": ["1", "3"]}
    browser_without_js.post(PATH, two)

    browser_without_js.post(PATH, two | {"rule_remove": "0"})

    assert rules(records) == {"Vape Kits": "3"}


def test_a_rule_whose_category_is_gone_is_pointed_out(
    browser_without_js: Browser, records: Records
) -> None:
    from aiq_cova_plugin.store.categories import replace_rules

    with records.app.app_context(), records.ctx.database.short() as connection:
        replace_rules(connection, NORTH, "classification", [("Vape Kits", "77")])
    markup = browser_without_js.get(PATH).text

    assert "Its category is gone" in markup
    assert 'name="inbox_path" value="Vape Kits"' in markup


def test_saving_with_htmx_gives_the_form_and_a_toast(browser_without_js: Browser) -> None:
    answer = browser_without_js.post(PATH, ALL_FIELDS, htmx="cova-pos-settings")

    assert answer.status_code == 200
    assert answer.text.lstrip().startswith("<form")
    assert "cova-toast" in answer.headers["HX-Trigger"]
