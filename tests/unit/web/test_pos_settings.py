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
    assert re.search(r'<a href="/cova/north/products\?filter=unmapped">2<', row)
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


# --- specification rules, what rules really decide, the inbox ------------------------------------


def kinds(records: Records) -> set[tuple[str, str, str]]:
    return {
        (row["kind"], row["pattern"], row["category_id"])
        for row in records.rows("cova_category_rule")
    }


def test_a_rule_for_a_specification_is_made_counted_and_removed(
    browser_without_js: Browser, records: Records
) -> None:
    records.product("p-a", "A", "Odd > One", menu_category="Vape", category_source="unmapped")
    records.product("p-b", "B", "Odd > Two", product_type="vapes", category_source="unmapped")

    browser_without_js.post(PATH, {"spec_pattern": ["Vape", ""], "spec_category": ["3", ""]})
    markup = browser_without_js.get(PATH).text

    assert kinds(records) == {("specification", "Vape", "3")}
    assert "matches 2 products" in markup
    assert "Odd &gt; One" not in markup.split('id="cova-rules-title"')[0]

    browser_without_js.post(
        PATH, {"spec_pattern": ["Vape", ""], "spec_category": ["3", ""], "spec_remove": "0"}
    )
    assert kinds(records) == set()


def test_a_form_without_specification_rules_leaves_them_alone(
    browser_without_js: Browser, records: Records
) -> None:
    browser_without_js.post(PATH, {"spec_pattern": "Vape", "spec_category": "3"})

    browser_without_js.post(PATH, {"rule_pattern": "Vape Kits", "rule_category": "3"})

    assert kinds(records) == {("specification", "Vape", "3"), ("classification", "Vape Kits", "3")}


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"spec_pattern": "gummies"}, "matches 3 products"),
        ({"rule_pattern": "Sweets"}, "matches 4 products, decides for 1: other rules come first"),
        (
            {"rule_pattern": "Sweets > Sour"},
            "matches 1 product, but other rules come first for all",
        ),
        ({"spec_pattern": "flowers"}, "matches no product"),
        ({"spec_pattern": " "}, ""),
    ],
)
def test_a_rule_says_how_many_products_it_decides_for(
    browser_without_js: Browser, records: Records, query: dict[str, str], said: str
) -> None:
    """A specification comes before a classification, and a rule for one product before both."""
    records.product("p-1", "One", "Sweets > Sour", menu_category="Gummies")
    records.product("p-2", "Two", "Sweets > Sweet", product_type="Gummy")
    records.product("p-3", "Three", "Sweets", menu_category="gummies")
    records.product("p-4", "Four", "Sweets")
    records.product("p-5", "Gone", "Sweets", menu_category="Gummies", presence="archived")
    browser_without_js.post(PATH, {"spec_pattern": "Gummies", "spec_category": "2"})

    answer = browser_without_js.get(
        f"{PATH}/matches", query_string=query, headers={"HX-Request": "true"}
    )

    assert said in answer.text if said else answer.text.strip() == ""


def test_a_rule_for_one_product_takes_it_from_the_others(
    browser_without_js: Browser, records: Records
) -> None:
    from aiq_cova_plugin.store.categories import replace_rules

    for number in range(3):
        records.product(f"p-{number}", f"Product {number}", "Sweets")
    with records.app.app_context(), records.ctx.database.short() as connection:
        replace_rules(connection, NORTH, "product", [("P-1", "4"), ("p-gone", "4"), ("p-2", "77")])
    browser_without_js.post(PATH, {"rule_pattern": "Sweets", "rule_category": "2"})
    markup = browser_without_js.get(PATH).text

    assert "matches 3 products, decides for 2" in markup
    assert "Product 1</a>" in markup
    assert f'href="/cova/{NORTH}/products/P-1"' in markup
    assert "COVA does not have it" in markup
    assert "Its category is gone" in markup


def test_rules_that_do_nothing_are_marked(browser_without_js: Browser) -> None:
    browser_without_js.post(
        PATH, {"rule_pattern": ["Hats", "Vape Kits"], "rule_category": ["4", "3"]}
    )
    markup = browser_without_js.get(PATH).text

    assert markup.count("Does nothing") == 1
    assert "matches no product" in markup


def test_the_inbox_has_classifications_and_specification_values(
    browser_without_js: Browser, records: Records
) -> None:
    for number in range(4):
        records.product(
            f"p-{number}", "X", "Qwerty", menu_category="Vaporiser bits" if number < 3 else "",
            category_source="unmapped",
        )  # fmt: skip
    inbox = browser_without_js.get(PATH).text.split('id="cova-rules-title"')[0]

    value = next(row for row in inbox.split("<tr>") if 'name="inbox_value"' in row)
    assert 'value="Vaporiser bits"' in value
    assert '?filter=unmapped">3<' in value
    assert "menu category or product type" in value
    assert "Looks like Vaporizers." in value
    path = next(row for row in inbox.split("<tr>") if 'name="inbox_path" value="Qwerty"' in row)
    assert '?filter=unmapped">4<' in path
    assert inbox.index('value="Qwerty"') < inbox.index('value="Vaporiser bits"')


@pytest.mark.parametrize(
    ("form", "made"),
    [
        (
            {"map_path": "Vape Kits", "inbox_path": "Vape Kits", "inbox_category": ""},
            ("classification", "Vape Kits", "3"),
        ),
        (
            {"map_path": "Vape Kits", "inbox_path": "Vape Kits", "inbox_category": "4"},
            ("classification", "Vape Kits", "4"),
        ),
        (
            {"map_value": "Gummy", "inbox_value": "Gummy", "inbox_value_category": ""},
            ("specification", "Gummy", "2"),
        ),
    ],
)
def test_map_it_takes_the_choice_or_else_the_suggestion(
    browser_without_js: Browser, records: Records, form: dict[str, str], made: tuple[str, ...]
) -> None:
    answer = browser_without_js.post(PATH, form)

    assert answer.status_code == 303
    assert kinds(records) == {made}


def test_map_it_without_choice_or_suggestion_says_so_beside_it(
    browser_without_js: Browser, records: Records
) -> None:
    records.product("p-q", "X", "Qwerty", category_source="unmapped")

    answer = browser_without_js.post(
        PATH, {"map_path": "Qwerty", "inbox_path": "Qwerty", "inbox_category": ""}
    )

    assert answer.status_code == 422
    row = next(each for each in answer.text.split("<tr>") if 'value="Qwerty"' in each)
    assert "Choose a category first" in row
    assert 'aria-invalid="true"' in row
    assert kinds(records) == set()


def test_a_product_whose_rule_was_removed_returns_to_the_inbox(
    browser_without_js: Browser, records: Records
) -> None:
    records.product("p-q", "X", "Qwerty", category_source="classification_rule")

    assert 'name="inbox_path" value="Qwerty"' in browser_without_js.get(PATH).text


def test_a_long_inbox_shows_the_most_and_leads_to_all(
    browser_without_js: Browser, records: Records
) -> None:
    for number in range(60):
        records.product(f"p-{number}", "X", f"Zz {number}", category_source="unmapped")

    short = browser_without_js.get(PATH).text
    whole = browser_without_js.get(f"{PATH}?inbox=all").text

    assert short.count('name="inbox_path"') + short.count("no classification at all") == 50
    assert "Show all 62" in short
    assert whole.count('name="inbox_path"') == 61
    assert f'action="{PATH}?inbox=all"' in whole


# --- owners: what hurts is asked about, what COVA may empty, when a sync stops ------------------


@pytest.mark.parametrize("field", ["quantity", "price", "enabled"])
@pytest.mark.parametrize("htmx", [None, "cova-pos-settings"])
def test_giving_away_what_can_hurt_is_asked_about_first(
    browser_without_js: Browser, records: Records, field: str, htmx: str | None
) -> None:
    kept = [name for name in PRODUCT_FIELDS if name != field]
    form = {"fields_shown": "1", "cova_fields": kept, "asks_first": "1", "rule_pattern": "Hats",
            "rule_category": "4"}  # fmt: skip

    asked = browser_without_js.post(PATH, form, htmx=htmx)

    assert asked.status_code == 422
    assert "Nothing is saved yet" in asked.text
    assert f'name="confirmed_fields" value="{field}"' in asked.text
    assert 'value="Hats"' in asked.text
    assert not re.search(rf'id="owner-{field}"[^>]* checked', asked.text)
    assert json.loads(settings(records)["staff_fields"]) == []

    saved = browser_without_js.post(PATH, form | {"confirmed_fields": field}, htmx=htmx)
    assert saved.status_code == (303 if htmx is None else 200)
    assert json.loads(settings(records)["staff_fields"]) == [field]
    again = browser_without_js.post(PATH, form)
    assert again.status_code == 303, "it is staff's already: there is nothing to ask"


def test_harmless_fields_are_given_away_without_a_question(
    browser_without_js: Browser, records: Records
) -> None:
    kept = [name for name in PRODUCT_FIELDS if name not in ("name", "tags")]

    answer = browser_without_js.post(
        PATH, {"fields_shown": "1", "cova_fields": kept, "asks_first": "1"}
    )

    assert answer.status_code == 303
    assert json.loads(settings(records)["staff_fields"]) == ["name", "tags"]


def test_cova_may_empty_the_fields_that_are_ticked(
    browser_without_js: Browser, records: Records
) -> None:
    before = browser_without_js.get(PATH).text
    browser_without_js.post(
        PATH, ALL_FIELDS | {"erasable_shown": "1", "erasable_fields": ["brand", "quantity"]}
    )
    markup = browser_without_js.get(PATH).text

    assert 'name="erasable_fields" value="quantity"' not in before
    assert json.loads(settings(records)["erasable_fields"]) == ["brand"]
    assert re.search(r'name="erasable_fields" value="brand" checked', markup)
    browser_without_js.post(PATH, ALL_FIELDS)
    assert json.loads(settings(records)["erasable_fields"]) == ["brand"], "not spoken of"
    browser_without_js.post(PATH, ALL_FIELDS | {"erasable_shown": "1"})
    assert json.loads(settings(records)["erasable_fields"]) == []


def test_when_a_sync_stops_is_saved(browser_without_js: Browser, records: Records) -> None:
    markup = browser_without_js.get(PATH).text
    assert re.search(r'name="guard_percent" value="30"', markup)
    assert re.search(r'name="guard_at_least" value="20"', markup)

    browser_without_js.post(PATH, {"guard_percent": " 45 ", "guard_at_least": "7"})

    row = settings(records)
    assert (row["guard_percent"], row["guard_at_least"]) == (45, 7)
    browser_without_js.post(PATH, ALL_FIELDS)
    assert settings(records)["guard_percent"] == 45


@pytest.mark.parametrize("typed", ["", "0", "101", "-1", "1.5", "ten", "٣٠", "9" * 5000, "1e2"])
def test_an_impossible_share_comes_back_with_its_error(
    browser_without_js: Browser, records: Records, typed: str
) -> None:
    answer = browser_without_js.post(PATH, {"guard_percent": typed, "guard_at_least": "0"})

    assert answer.status_code == 422
    assert "Write a whole number from 1 to 100." in answer.text
    assert "Write a whole number, at least 1." in answer.text
    assert f'name="guard_percent" value="{typed}"' in answer.text
    assert settings(records)["guard_percent"] == 30


def test_saving_is_on_record(browser_without_js: Browser, records: Records) -> None:
    browser_without_js.post(PATH, {"rule_pattern": "Vape Kits", "rule_category": "3"})

    [entry] = [row for row in records.rows("cova_audit") if row["action"] == "pos_settings_saved"]
    assert entry["actor"] == "staff"
    assert json.loads(entry["detail"])["rules"] == {"Vape Kits": {"old": None, "new": "Vaporizers"}}
    shown = " ".join(browser_without_js.get(f"/cova/{NORTH}/activity").text.split())
    assert "Category rules: Vape Kits – → Vaporizers" in shown


def test_a_long_list_of_rules_is_folded_up_and_opens_where_something_is_wrong(
    browser_without_js: Browser, records: Records
) -> None:
    """All rows are sent, folded up or not; an error among them is not hidden."""
    patterns = [f"Path {number}" for number in range(20)]
    form = {"rule_pattern": [*patterns, ""], "rule_category": [*["1"] * 20, ""]}

    assert browser_without_js.post(PATH, form).status_code == 303
    folded = browser_without_js.get(PATH).text
    form["rule_category"][17] = ""
    wrong = browser_without_js.post(PATH, form).text

    assert len(rules(records)) == 20
    assert '<details class="cova-fold"><summary>8 more rules' in folded
    assert folded.count('name="rule_pattern"') == 21
    assert '<details class="cova-fold" open>' in wrong
