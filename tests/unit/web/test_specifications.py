"""POS settings > Specifications and lab values; one product's specifications explained."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aiq_cova_plugin.store.specifications import save_specifications

from tests.unit.web.kit import ALL_ACTIONS, NORTH, Browser, Records, TinyHost, busy_day

PATH = f"/cova/{NORTH}/pos-settings/specifications"
PRODUCT_PATH = f"/cova/{NORTH}/products/p-gummies/specifications"


def spec(name: str, value: str, unit: str = "", field_id: int | None = None) -> dict[str, Any]:
    return {"field_id": field_id, "name": name, "value": value, "unit": unit}


@pytest.fixture(autouse=True)
def _something_to_read(records: Records) -> None:
    busy_day(records)
    tell(
        records,
        "p-gummies",
        spec("THC Max", "18", "%", 101),
        spec("Total THC", "24,5", "%"),
        spec("Brand", "Harbour <Farms>"),
        spec("Warranty", "none"),
        spec("Delta9 Content", "12", "mg", 300),
        spec("COA Link", "javascript:alert(1)"),
    )
    tell(records, "p-flower", spec("warranty", ""), spec("THC", "lots", "%"))


def tell(records: Records, product_id: str, *specifications: dict[str, Any]) -> None:
    with records.app.app_context(), records.ctx.database.short() as connection:
        save_specifications(
            connection,
            [
                {
                    "store_id": NORTH,
                    "cova_product_id": product_id,
                    "specifications": list(specifications),
                    "read_at": records.now,
                }
            ],
        )


def stored(records: Records) -> Any:
    return json.loads(records.rows("cova_connection")[0]["specification_names"])


def lines(*entries: tuple[str, str, str]) -> dict[str, list[str]]:
    names, ids, meanings = zip(*entries, strict=True)
    return {
        "mapping_name": list(names),
        "mapping_field_id": list(ids),
        "mapping_meaning": list(meanings),
    }


def test_names_and_ids_are_saved_by_meaning(browser_without_js: Browser, records: Records) -> None:
    version = records.rows("cova_connection")[0]["settings_version"]

    answer = browser_without_js.post(
        PATH,
        lines(
            ("Active  THC", "", "THC"),
            ("", "101", "brand"),
            ("House Brand", "77", "brand"),
            ("", "", ""),
        ),
    )
    markup = browser_without_js.get(PATH).text

    assert answer.status_code == 303
    assert stored(records) == {
        "THC": {"names": ["Active THC"], "field_ids": []},
        "brand": {"names": ["House Brand"], "field_ids": [101, 77]},
    }
    assert records.rows("cova_connection")[0]["settings_version"] == version + 1
    assert 'value="Active THC"' in markup
    assert 'value="101"' in markup
    [entry] = [
        row for row in records.rows("cova_audit") if row["action"] == "specification_names_saved"
    ]
    assert "Active THC" in entry["detail"]
    assert any(
        row["job"] == "catalog" and row["store_id"] == NORTH
        for row in records.rows("cova_schedule")
    )


def test_a_ticked_line_is_removed(browser_without_js: Browser, records: Records) -> None:
    two = lines(("One", "", "THC"), ("Two", "", "CBD"))
    browser_without_js.post(PATH, two)

    browser_without_js.post(PATH, two | {"mapping_remove": "0"})

    assert stored(records) == {"CBD": {"names": ["Two"], "field_ids": []}}


@pytest.mark.parametrize(
    ("entries", "place", "said"),
    [
        ([("Potency", "", "THC"), ("POTENCY", "", "CBD")], 1, "“POTENCY” already means THC"),
        ([("A", "5", "coa"), ("B", "5", "tags")], 1, "already means Certificate of analysis"),
        ([("Potency", "", "nonsense")], 0, "no such meaning"),
        ([("Potency", "", "")], 0, "Choose what it means"),
        ([("", "", "THC")], 0, "Write the name as COVA sends it"),
        ([("", "12a", "THC")], 0, "whole number, such as 101"),
        ([("", "-1", "THC")], 0, "whole number, such as 101"),
        ([("", "0", "THC")], 0, "whole number, such as 101"),
        ([("", "٣", "THC")], 0, "whole number, such as 101"),
        ([("", "9" * 17, "THC")], 0, "whole number, such as 101"),
        ([("x" * 201, "", "THC")], 0, "at most 200 characters"),
        ([("---", "", "THC")], 0, "at least one letter or digit"),
        ([("", "", ""), ("Fine", "", "CBD"), ("Bad", "x", "THC")], 1, "whole number, such as 101"),
    ],
)
@pytest.mark.parametrize("htmx", [None, "cova-specifications"])
def test_a_bad_line_comes_back_with_its_error_and_nothing_is_saved(
    browser_without_js: Browser,
    records: Records,
    *,
    entries: list[tuple[str, str, str]],
    place: int,
    said: str,
    htmx: str | None,
) -> None:
    answer = browser_without_js.post(PATH, lines(*entries), htmx=htmx)

    assert answer.status_code == 422
    beside = answer.text.split(f'id="mapping-{place}-error"')[1].split("</p>")[0]
    assert said in beside
    for name, field_id, _meaning in entries:
        assert not name or f'value="{name}"' in answer.text
        assert not field_id or f'value="{field_id}"' in answer.text
    assert stored(records) == {}


def test_names_nobody_uses_are_listed_with_counts_example_and_suggestion(
    browser_without_js: Browser,
) -> None:
    markup = browser_without_js.get(PATH).text
    rows = markup.split("<tr>")

    warranty = next(row for row in rows if ">Warranty<" in row or ">warranty<" in row)
    assert 'class="is-number">2<' in warranty
    assert "none" in warranty
    assert "(suggested)" not in warranty
    delta = next(row for row in rows if ">Delta9 Content<" in row)
    assert "12 mg" in delta
    assert f'href="{PRODUCT_PATH}"' in delta
    assert ">THC Max<" not in markup, "what is used is not listed"
    assert ">Brand</td>" not in markup


def test_a_name_is_given_its_meaning_with_one_press(
    browser_without_js: Browser, records: Records
) -> None:
    browser_without_js.post(PATH, lines(("Grower", "", "brand")))

    answer = browser_without_js.post(f"{PATH}/use", {"name": "Delta9 Content", "meaning": "THC"})

    assert answer.status_code == 303
    assert stored(records) == {
        "THC": {"names": ["Delta9 Content"], "field_ids": []},
        "brand": {"names": ["Grower"], "field_ids": []},
    }
    assert ">Delta9 Content</td>" not in browser_without_js.get(PATH).text


def test_a_name_can_be_left_out_of_the_list_for_good(
    browser_without_js: Browser, records: Records
) -> None:
    answer = browser_without_js.post(
        f"{PATH}/use", {"name": "Warranty", "meaning": "ignored"}, htmx="cova-specifications"
    )

    assert answer.status_code == 200
    assert "cova-toast" in answer.headers["HX-Trigger"]
    assert ">Warranty</td>" not in answer.text


@pytest.mark.parametrize("meaning", ["", "nonsense"])
def test_using_a_name_as_nothing_says_so_beside_it(
    browser_without_js: Browser, records: Records, meaning: str
) -> None:
    answer = browser_without_js.post(f"{PATH}/use", {"name": "warranty", "meaning": meaning})

    assert answer.status_code == 422
    row = next(each for each in answer.text.split("<tr>") if 'value="warranty"' in each)
    assert "Choose what it is first" in row
    assert stored(records) == {}


def test_a_long_list_shows_the_most_used_and_leads_to_all(
    browser_without_js: Browser, records: Records
) -> None:
    tell(records, "p-kit", *(spec(f"Odd {number}", "x") for number in range(70)))

    short = browser_without_js.get(PATH).text
    whole = browser_without_js.get(f"{PATH}?unused=all").text

    assert short.count('name="meaning"') == 50
    assert "Show all 72" in short
    assert whole.count('name="meaning"') == 72


# --- one product ----------------------------------------------------------------------------------


def row_of(markup: str, name: str) -> str:
    found = next(row for row in markup.split("<tr>") if f'data-label="In COVA">{name}<' in row)
    return " ".join(found.split())


def test_each_specification_is_shown_raw_read_and_as_the_shop_gets_it(
    browser_without_js: Browser,
) -> None:
    markup = browser_without_js.get(PRODUCT_PATH).text

    used = row_of(markup, "Total THC")
    assert "24,5" in used
    assert "24.5 %" in used
    assert "Lab results: THC" in used
    assert "field id 101" in row_of(markup, "THC Max")
    assert "Brand: Harbour &lt;Farms&gt;" in row_of(markup, "Brand")
    unknown = row_of(markup, "Warranty")
    assert "unknown name" in unknown
    assert "Nothing" in unknown
    assert "The name is not one the plugin knows." in unknown
    assert "not a web address" in row_of(markup, "COA Link")
    assert 'href="javascript' not in markup


def test_a_missing_thc_is_said_with_what_to_do_and_the_product_is_led_back_to(
    browser_without_js: Browser, records: Records
) -> None:
    lacks = "COVA has no THC for it that can be read."
    tell(records, "p-kit", spec("Material", "Glass"))
    tell(records, "p-flower", spec("Flower Type", "Hybrid"), spec("CBD", "see the label"))

    flower = browser_without_js.get(f"/cova/{NORTH}/products/p-flower/specifications").text
    gummies = browser_without_js.get(PRODUCT_PATH).text
    kit = browser_without_js.get(f"/cova/{NORTH}/products/p-kit/specifications").text

    assert lacks in flower
    assert "under a name like THC" in flower
    assert lacks not in gummies
    assert lacks not in kit, "glass has none"
    assert f'href="/cova/{NORTH}/products/p-gummies"' in gummies


def test_what_staff_own_is_said(browser_without_js: Browser, records: Records) -> None:
    records.connect(staff_fields=["labs"])

    markup = browser_without_js.get(PRODUCT_PATH).text

    assert "Staff own this field here" in row_of(markup, "Total THC")
    assert "Staff own" not in row_of(markup, "Brand")


def test_a_value_can_be_tried_and_nothing_is_saved(
    browser_without_js: Browser, records: Records
) -> None:
    before = records.rows("cova_product_specifications")
    query = {"try_name": "total thc", "try_value": "18 – 22", "try_unit": "%"}

    whole = browser_without_js.get(PRODUCT_PATH, query_string=query).text
    part = browser_without_js.get(
        PRODUCT_PATH,
        query_string=query,
        headers={"HX-Request": "true", "HX-Target": "cova-try"},
    ).text

    for markup in (whole, part):
        trial = markup.split('id="cova-trial"')[1]
        assert "18 to 22 %" in row_of(trial, "total thc")
    assert part.lstrip().startswith('<section id="cova-try"')
    assert 'value="18 – 22"' in whole
    assert records.rows("cova_product_specifications") == before


@pytest.mark.parametrize("value", ["<script>alert(1)</script>", "x" * 10_000, "\u202e٣٤", "NaN"])
def test_hostile_values_do_no_harm(browser_without_js: Browser, value: str) -> None:
    answer = browser_without_js.get(
        PRODUCT_PATH, query_string={"try_name": "THC", "try_value": value}
    )

    assert answer.status_code == 200
    assert "<script>alert" not in answer.text
    assert "This is not a number" in answer.text or "too long" in answer.text


def test_a_product_that_was_never_read_is_not_found(browser_without_js: Browser) -> None:
    path = f"/cova/{NORTH}/products/p-nowhere/specifications"

    assert browser_without_js.get(path).status_code == 404
    assert browser_without_js.post(f"{path}/ask").status_code == 404


def test_a_product_without_specifications_says_so(
    browser_without_js: Browser, records: Records
) -> None:
    tell(records, "p-kit")

    assert (
        "COVA has no specifications"
        in browser_without_js.get(f"/cova/{NORTH}/products/p-kit/specifications").text
    )
    assert (
        "have not been read yet"
        in browser_without_js.get(f"/cova/{NORTH}/products/p-tray/specifications").text
    )


def test_cova_being_away_is_said_in_a_friendly_way(browser_without_js: Browser) -> None:
    """Nothing listens where this shop's COVA should be."""
    answer = browser_without_js.post(f"{PRODUCT_PATH}/ask")

    assert answer.status_code == 200
    assert "What to do:" in answer.text
    assert "Total THC" in answer.text, "what was read last is still shown"


def test_asking_cova_needs_the_permission_and_its_absence_is_explained(
    browser_without_js: Browser, host: TinyHost
) -> None:
    assert "Ask COVA now" in browser_without_js.get(PRODUCT_PATH).text
    host.allowed[NORTH] = ALL_ACTIONS - {"sync"}

    markup = browser_without_js.get(PRODUCT_PATH).text

    assert "Ask COVA now" not in markup
    assert "needs the permission to sync" in markup


@pytest.mark.parametrize("htmx", [False, True])
def test_trying_nothing_says_what_to_fill_in(browser_without_js: Browser, *, htmx: bool) -> None:
    headers = {"HX-Request": "true", "HX-Target": "cova-try"} if htmx else {}

    answer = browser_without_js.get(
        PRODUCT_PATH,
        query_string={"try_name": " ", "try_value": "", "try_unit": "%"},
        headers=headers,
    )

    assert answer.status_code == 422
    for name, said in (("name", "Type the name of a specification"), ("value", "Type the value")):
        assert said in answer.text.split(f'id="try-{name}-error"')[1].split("</p>")[0]
    assert 'value="%"' in answer.text


def test_a_doubtful_meaning_is_warned_about_before_and_after_it_is_saved(
    browser_without_js: Browser, records: Records
) -> None:
    """Two products call a text “Feeling”; as a lab value it would not be read."""
    tell(records, "p-flower", spec("Feeling", "Calm & <happy>"), spec("Level", "12", "%", 9))
    tell(records, "p-kit", spec("feeling", "Sleepy"), spec("Level", "lots", "%", 9))
    path, said = f"{PATH}/doubts", "2 products have values that do not read as THC"

    by_name = browser_without_js.get(path, query_string={"name": "Feeling", "meaning": "THC"})
    by_id = browser_without_js.get(
        path, query_string={"mapping_field_id": "9", "mapping_name": "", "mapping_meaning": "CBD"}
    )
    assert said in by_name.text
    assert "“Calm &amp; &lt;happy&gt;”, “Sleepy”" in by_name.text
    assert "1 product has a value that does not read as CBD: “lots”" in by_id.text
    for fine in ({"name": "Feeling", "meaning": "tags"}, {"name": "Nobody", "meaning": "THC"}, {}):
        assert browser_without_js.get(path, query_string=fine).text.strip() == ""

    answer = browser_without_js.post(
        f"{PATH}/use", {"name": "Feeling", "meaning": "THC"}, htmx="cova-specifications"
    )
    assert said in answer.text.split('id="mapping-0-doubt"')[1].split("</p>")[0]
    assert "do not read as what you chose" in answer.headers["HX-Trigger"]
