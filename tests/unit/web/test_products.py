"""The products list and the page of one product: what they show, refuse and do."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from aiq_cova_plugin.services.products import show_products
from aiq_cova_plugin.store import products as stored_products
from aiq_cova_plugin.store.run_changes import record_changes
from aiq_cova_plugin.web.words.product_words import field_text

from tests.unit.web.kit import ALL_ACTIONS, NORTH, SOUTH, Browser, Records
from tests.unit.web.reading_host import HAZE, SNAPSHOT, ReadingHost

LIST = f"/cova/{NORTH}/products"
PAGE = f"{LIST}/{HAZE}"


@pytest.fixture
def host() -> ReadingHost:
    return ReadingHost()


@pytest.fixture
def haze(records: Records, host: ReadingHost) -> str:
    """A product on the menu, whose name and price staff have changed in the shop."""
    records.connect()
    records.product(
        HAZE, "Blue Harbour 3.5 g", "Flower > Sativa", snapshot=SNAPSHOT, stock=Decimal(12),
        applied={"name": "Blue Harbour 3.5 g", "price": "32", "quantity": "9"},
    )  # fmt: skip
    records.hold("1042", {HAZE: Decimal(3)})
    host.has[HAZE] = {
        "name": "Typed <b>by hand</b>",
        "brand": "Example Farms",
        "price": Decimal("30.00"),
        "quantity": Decimal("9.0"),
        "category_id": "1",
        "enabled": True,
        "sku": "BH0035",
        "sale_price": None,
    }
    return HAZE


def words_in(markup: str) -> str:
    """What a reader sees, in one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", markup).split())


def row_of(markup: str, label: str) -> str:
    """The row of one field, as a reader sees it."""
    rows = re.findall(r"<tr>.*?</tr>", markup, re.S)
    return next(words_in(row) for row in rows if words_in(row).startswith(label))


def product(records: Records) -> dict[str, Any]:
    return next(row for row in records.rows("cova_product") if row["cova_product_id"] == HAZE)


# --- the list -------------------------------------------------------------------------------------


def test_an_empty_list_says_what_fills_it(browser_without_js: Browser) -> None:
    markup = browser_without_js.get(LIST).text

    assert "The first sync fills this list." in markup
    assert "Compare with the shop now" not in markup


def test_the_list_counts_each_filter_and_shows_how_each_product_stands(
    browser_without_js: Browser, records: Records
) -> None:
    records.product("p-1", "Amber", differing_fields="name,price")
    records.product("p-2", "Birch", is_locked=True)
    records.product("p-3", "Cedar", last_error="The picture is <too> large.")
    records.product("p-4", "Dune", category_source="unmapped")
    records.product("p-5", "Elm", host_state="hidden", presence="archived")
    records.product("p-6", "Fern", host_state="hidden", is_excluded=True)

    markup = browser_without_js.get(LIST).text
    seen = words_in(markup)

    for tab in ("All 6", "Shown 4", "Hidden 2", "Locked 1", "Excluded 1", "Not saved 1"):
        assert tab in seen
    assert "Differs from POS 1" in seen
    assert "Without a category 1" in seen
    assert "2 fields differ: Name, Price." in seen
    assert "Archived in COVA." in words_in(markup.split(">Elm</a>")[1].split("</tr>")[0])
    assert "The picture is &lt;too&gt; large." in markup


@pytest.mark.parametrize(
    ("chosen", "found"),
    [
        ("", ["Amber", "Birch", "Elm"]),
        ("shown", ["Amber", "Birch"]),
        ("hidden", ["Elm"]),
        ("locked", ["Birch"]),
        ("differs", ["Amber"]),
        ("nonsense", ["Amber", "Birch", "Elm"]),
    ],
)
def test_a_filter_shows_what_is_in_it(
    browser_without_js: Browser, records: Records, chosen: str, found: list[str]
) -> None:
    records.product("p-1", "Amber", differing_fields="name")
    records.product("p-2", "Birch", is_locked=True)
    records.product("p-5", "Elm", host_state="hidden")

    markup = browser_without_js.get(f"{LIST}?filter={chosen}").text

    assert [name for name in ("Amber", "Birch", "Elm") if f">{name}</a>" in markup] == found


def test_a_search_that_finds_nothing_says_what_was_searched(
    browser_without_js: Browser, records: Records
) -> None:
    records.product("p-1", "Amber")

    answer = browser_without_js.get(f"{LIST}?q=<zebra>")

    assert answer.status_code == 200
    assert "No product here matches “&lt;zebra&gt;”." in answer.text
    assert 'value="&lt;zebra&gt;"' in answer.text
    assert "Show all products" in answer.text


def test_five_thousand_products_are_shown_in_pages_without_reading_their_snapshots(
    browser_without_js: Browser, records: Records, shop: Flask
) -> None:
    now = records.now
    rows = [
        {
            "store_id": NORTH, "cova_product_id": f"p-{number:05}", "name": f"Product {number:05}",
            "raw_hash": "", "snapshot": {"cova_product_id": f"p-{number:05}", "sku": f"S{number}"},
            "presence": "active", "stock": Decimal(3), "stock_read_at": now, "applied": {},
            "host_state": "shown", "applied_version": 1, "is_dirty": False,
            "next_price_change_at": None, "classification_path": "Flower",
            "category_source": "builtin", "is_locked": number % 100 == 0, "is_excluded": False,
            "last_error": "", "vanished_at": None, "updated_at": now,
        }
        for number in range(5000)
    ]  # fmt: skip
    with shop.app_context(), records.ctx.database.short() as connection:
        stored_products.save_products(connection, rows)
    selected: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if "FROM cova_product" in statement:
            selected.append(statement.split("FROM", 1)[0])

    with shop.app_context():
        engine = records.ctx.database.engine
    sa.event.listen(engine, "before_cursor_execute", note)
    first = browser_without_js.get(LIST).text
    last = browser_without_js.get(f"{LIST}?page=100").text
    beyond = browser_without_js.get(f"{LIST}?page=101").text
    locked = browser_without_js.get(f"{LIST}?filter=locked&q=product").text
    sa.event.remove(engine, "before_cursor_execute", note)

    assert "Page 1 of 100" in words_in(first)
    assert first.count("<tr>") == 51
    assert "Product 00049" in first
    assert "Product 04999" in last
    assert 'rel="next"' not in last
    assert words_in(beyond) == words_in(last)
    assert "Locked 50" in words_in(locked)
    assert len(selected) == 3 * 4, "counts, ids and rows of each page, and nothing else"
    assert not any(re.search(r"snapshot(?!, )", each.split("AS sku")[-1]) for each in selected)


def test_one_store_does_not_show_the_products_of_another(
    browser_without_js: Browser, haze: str
) -> None:
    assert "Blue Harbour" not in browser_without_js.get(f"/cova/{SOUTH}/products").text
    assert browser_without_js.get(f"/cova/{SOUTH}/products/{haze}").status_code == 404


def test_comparing_finds_what_was_edited_in_the_shop(
    browser_without_js: Browser, records: Records, haze: str
) -> None:
    answer = browser_without_js.post(f"{LIST}/compare")
    markup = browser_without_js.get(answer.headers["Location"]).text

    assert answer.headers["Location"].endswith("filter=differs")
    assert "Compared COVA with the shop: 1 of 1 product differs." in markup
    assert product(records)["differing_fields"] == "name,price"
    assert "Differs from POS" in markup


def test_a_shop_that_cannot_be_read_is_said_to_be_so(
    browser_without_js: Browser, host: ReadingHost, haze: str
) -> None:
    host.has = None  # type: ignore[assignment]

    answer = browser_without_js.post(f"{LIST}/compare")
    after = browser_without_js.get(answer.headers["Location"])
    page = browser_without_js.get(PAGE)

    assert "could not say" in after.text
    assert page.status_code == 200
    assert "what it was last told is shown" in page.text


# --- one product ----------------------------------------------------------------------------------


def test_a_product_is_shown_on_both_sides(browser_without_js: Browser, haze: str) -> None:
    markup = browser_without_js.get(f"{LIST}/{haze.upper()}").text

    assert "In the shop now" in markup
    assert "Typed &lt;b&gt;by hand&lt;/b&gt;" in markup
    assert "Differs" in row_of(markup, "Name")
    assert row_of(markup, "Name").startswith("Name Blue Harbour 3.5 g Typed")
    assert "Differs" in row_of(markup, "Price")
    assert "Same" in row_of(markup, "Brand")
    assert "Same" in row_of(markup, "Quantity"), "9 and 9.0 are one number"
    assert "3 for 80.00" in row_of(markup, "Price tiers")
    assert "Not known" in row_of(markup, "Price tiers")
    assert "fields COVA says nothing about" in markup
    assert "Strain" in markup.split("fields COVA says nothing about")[1]
    assert "9 (3 held" in words_in(markup)
    assert f'href="/cova/{NORTH}/holds"' in markup
    assert "known from COVA's word" in words_in(markup).replace("&#39;", "'")
    assert "Flower" in markup


def test_opening_a_product_makes_the_list_say_the_same(
    browser_without_js: Browser, records: Records, host: ReadingHost, haze: str
) -> None:
    """What staff edited in the shop is found by looking; the list and its filter know it then."""
    before = words_in(browser_without_js.get(LIST).text)
    browser_without_js.get(PAGE)
    after = words_in(browser_without_js.get(LIST).text)

    assert "In step" in before
    assert "Differs 2 fields differ" not in before
    assert "Differs The shop has other values than COVA. 2 fields differ: Name, Price." in after
    assert "Differs from POS 1" in after

    host.has[haze] |= {"name": "Blue Harbour 3.5 g", "price": Decimal("32.00")}
    browser_without_js.get(PAGE)
    again = words_in(browser_without_js.get(LIST).text)

    assert "In step compared just now" in again
    assert product(records)["differing_fields"] == ""


def test_after_each_choice_the_list_says_what_the_page_says(
    browser_without_js: Browser, haze: str
) -> None:
    for act, data, badge in (
        ("lock", {}, "Locked"),
        ("restore", {"field": "price"}, "Locked"),
        ("unlock", {}, "Differs"),
        ("restore", {"field": "name"}, "Waiting"),
        ("exclude", {"confirmed": "1"}, "Excluded"),
        ("include", {}, "Waiting"),
    ):
        answer = browser_without_js.post(f"{PAGE}/{act}", data)
        page = browser_without_js.get(answer.headers["Location"]).text
        listed = browser_without_js.get(LIST).text

        first = re.search(r"cova-badge[^>]*>([^<]+)<", page.split('id="cova-product"')[1])
        in_list = re.search(r"cova-badge[^>]*>([^<]+)<", listed.split("<tbody>")[1])
        assert first is not None
        assert in_list is not None
        assert (first[1], in_list[1]) == (badge, badge), act


def test_a_database_that_is_busy_does_not_keep_anybody_from_looking(
    browser_without_js: Browser, haze: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_args: Any, **_more: Any) -> None:
        raise sa.exc.OperationalError("update", {}, Exception("database is locked"))

    monkeypatch.setattr(show_products, "note_comparison", busy)

    assert "Differs" in row_of(browser_without_js.get(PAGE).text, "Name")


@pytest.mark.parametrize(
    ("values", "sentences"),
    [
        (
            {"is_locked": True},
            ["Staff locked it.", "It sets the quantity and leaves everything else alone."],
        ),
        (
            {"is_excluded": True, "host_state": "hidden"},
            ["Staff excluded it from the menu.", "It leaves the product alone",
             "“Include again” brings it back."],
        ),
        (
            {"is_excluded": True},
            ["It takes the product off the menu, and leaves it alone from then on."],
        ),
        (
            {"host_state": "absent", "presence": "archived"},
            ["Nothing, while COVA does not offer it (Archived in COVA).", "creates it in the shop"],
        ),
        (
            {"host_state": "absent", "snapshot": SNAPSHOT | {"regular_price": None,
                                                           "price_tiers": []}},
            ["Nothing, while it has no price for this location in COVA."],
        ),
        ({"host_state": "absent"}, ["It creates it in the shop."]),
        ({"host_state": "hidden"}, ["It puts it on the menu again."]),
    ],
)  # fmt: skip
def test_a_product_apart_says_why_what_comes_and_what_can_be_done(
    browser_without_js: Browser, records: Records, values: dict[str, Any], sentences: list[str]
) -> None:
    records.connect()
    records.product(HAZE, "Blue Harbour 3.5 g", **({"snapshot": SNAPSHOT} | values))

    seen = words_in(browser_without_js.get(PAGE).text)

    for sentence in (*sentences, "Next sync", "What you can do"):
        assert sentence in seen


@pytest.mark.parametrize(
    ("values", "said", "buttons"),
    [
        ({"host_state": "absent", "presence": "archived"}, "Not offered: archived in COVA", set()),
        ({"host_state": "absent"}, "Not offered: not in the shop", {"exclude"}),
        (
            {"host_state": "hidden", "is_excluded": True},
            "Not offered: excluded from the menu",
            {"lock", "include"},
        ),
    ],
)
def test_what_is_not_on_offer_has_no_number_to_sell_and_only_acts_that_make_sense(
    browser_without_js: Browser,
    records: Records,
    values: dict[str, Any],
    said: str,
    buttons: set[str],
) -> None:
    records.connect()
    records.product(HAZE, "Blue Harbour 3.5 g", snapshot=SNAPSHOT, **values)

    markup = browser_without_js.get(PAGE).text

    assert said in words_in(markup)
    acts = {each for each in ("lock", "exclude", "include") if f'{PAGE}/{each}"' in markup}
    assert acts == buttons
    if values["host_state"] == "absent":
        assert "Agree?" not in markup
        assert "not known" not in markup


def test_a_locked_product_says_what_still_follows_cova(
    browser_without_js: Browser, records: Records
) -> None:
    records.connect()
    records.product(
        HAZE, "Blue Harbour 3.5 g", snapshot=SNAPSHOT, is_locked=True, host_state="hidden"
    )

    markup = browser_without_js.get(PAGE).text

    assert "It puts it on the menu again, sets the quantity" in words_in(markup)
    assert "COVA" in row_of(markup, "On the menu")
    assert "Staff (locked)" not in row_of(markup, "On the menu")
    assert "Staff (locked)" in row_of(markup, "Name")


def test_a_description_keeps_its_paragraphs_apart() -> None:
    html = "<p>Grown by the sea.</p><p>Certificate<br>of analysis</p>"

    assert field_text(html, field="description") == "Grown by the sea.\nCertificate\nof analysis"
    assert field_text("<br>", field="description") == "<br>"


def test_a_product_that_could_not_be_saved_says_so_once(
    browser_without_js: Browser, records: Records
) -> None:
    records.connect()
    records.product(HAZE, "Blue Harbour 3.5 g", snapshot=SNAPSHOT, last_error="Too long.")

    seen = words_in(browser_without_js.get(PAGE).text)

    assert seen.count("Too long.") == 1
    assert "Every sync tries again." in seen
    assert "keeps syncs from trying" in seen


def test_who_locked_it_and_what_syncs_changed_is_on_the_page(
    browser_without_js: Browser, records: Records, haze: str
) -> None:
    older, newer = records.run(), records.run()
    with records.app.app_context(), records.ctx.database.short() as connection:
        record_changes(connection, older, [(haze, "create", {"price": [None, "32"]})])
        record_changes(connection, newer, [(haze, "stock", {"quantity": ["9", "4"]})])
    browser_without_js.post(f"{PAGE}/lock")

    markup = browser_without_js.get(PAGE).text
    seen = words_in(markup)

    assert "Robin Quay locked it" in seen
    assert "before 9 → , after 4" in seen
    assert markup.index(f"runs/{newer}") < markup.index(f"runs/{older}")
    assert f"runs/{newer}" not in browser_without_js.get(f"/cova/{SOUTH}/products/{haze}").text


def test_a_host_that_does_not_tell_is_compared_with_what_it_was_told(
    shop: Flask, browser_without_js: Browser, host: ReadingHost, haze: str, monkeypatch: Any
) -> None:
    monkeypatch.delattr(ReadingHost, "current_products")

    markup = browser_without_js.get(PAGE).text

    assert "The shop was last told" in markup
    assert "Same" in row_of(markup, "Name")


def test_a_product_nobody_knows_is_404(browser_without_js: Browser, records: Records) -> None:
    records.connect()

    assert browser_without_js.get(f"{LIST}/none").status_code == 404
    for act in ("lock", "unlock", "exclude", "include", "category", "restore"):
        data = {"confirmed": "1", "field": "name"}
        assert browser_without_js.post(f"{LIST}/none/{act}", data).status_code == 404


@pytest.mark.parametrize(
    ("act", "column", "before", "after"),
    [
        ("lock", "is_locked", 0, 1),
        ("unlock", "is_locked", 1, 0),
        ("exclude", "is_excluded", 0, 1),
        ("include", "is_excluded", 1, 0),
    ],
)
def test_a_choice_is_kept_said_and_on_record(
    *,
    browser_without_js: Browser,
    records: Records,
    haze: str,
    act: str,
    column: str,
    before: int,
    after: int,
) -> None:
    with records.app.app_context(), records.ctx.database.short() as connection:
        stored_products.change_product(connection, NORTH, haze, {column: bool(before)})

    answer = browser_without_js.post(f"{PAGE}/{act}", {"confirmed": "1"})
    shown = browser_without_js.get(answer.headers["Location"]).text

    assert answer.status_code == 303
    assert product(records)[column] == after
    assert product(records)["is_dirty"]
    assert 'class="cova-note is-ok"' in shown
    (entry,) = records.rows("cova_audit")
    assert (entry["actor"], entry["subject"]) == ("Robin Quay", haze)
    assert entry["action"].startswith(f"product_{act}")
    (job,) = records.rows("cova_schedule")
    assert job["job"] == "catalog"


def test_excluding_says_what_will_happen_before_it_does(
    browser_without_js: Browser, records: Records, haze: str
) -> None:
    asked = browser_without_js.post(f"{PAGE}/exclude")
    by_htmx = browser_without_js.post(f"{PAGE}/exclude", htmx="cova-product")

    assert asked.status_code == 200
    assert "It leaves the menu with the next sync." in asked.text
    assert 'name="confirmed" value="1"' in asked.text
    assert by_htmx.text.lstrip().startswith("<div id=")
    assert not product(records)["is_excluded"]
    assert records.rows("cova_audit") == []


def test_with_htmx_a_choice_answers_the_part_that_changed(
    browser_without_js: Browser, haze: str
) -> None:
    answer = browser_without_js.post(f"{PAGE}/lock", htmx="cova-product")

    assert answer.status_code == 200
    assert "<html" not in answer.text
    assert "Unlock" in answer.text
    assert "Locked. Only the quantity" in answer.headers["HX-Trigger"]


def test_a_store_that_is_off_says_when_it_happens(
    browser_without_js: Browser, records: Records, haze: str
) -> None:
    records.connect(enabled=False)

    answer = browser_without_js.post(f"{PAGE}/unlock")

    assert "switched off" in browser_without_js.get(answer.headers["Location"]).text


def test_a_category_is_chosen_and_taken_back(
    browser_without_js: Browser, records: Records, haze: str
) -> None:
    browser_without_js.post(f"{PAGE}/category", {"category_id": "2"})
    rules = records.rows("cova_category_rule")
    chosen = browser_without_js.get(PAGE).text
    browser_without_js.post(f"{PAGE}/category", {"category_id": ""})

    assert [(each["kind"], each["pattern"], each["category_id"]) for each in rules] == [
        ("product", haze, "2")
    ]
    assert '<option value="2" selected>Edibles</option>' in chosen
    assert "chosen for this very product" in chosen
    assert records.rows("cova_category_rule") == []


def test_a_category_that_is_gone_comes_back_with_its_error(
    browser_without_js: Browser, records: Records, haze: str
) -> None:
    answer = browser_without_js.post(f"{PAGE}/category", {"category_id": "99"})

    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text
    assert "The store has no such category." in answer.text
    assert records.rows("cova_category_rule") == []


def test_one_field_takes_covas_value_at_once(
    browser_without_js: Browser, records: Records, host: ReadingHost, haze: str
) -> None:
    answer = browser_without_js.post(f"{PAGE}/restore", {"field": "name"})
    shown = browser_without_js.get(answer.headers["Location"]).text

    assert host.has[haze]["name"] == "Blue Harbour 3.5 g"
    assert host.has[haze]["price"] == Decimal("30.00")
    assert "Same" in row_of(shown, "Name")
    assert [row["action"] for row in records.rows("cova_audit")] == ["product_restored"]


def test_taking_all_asks_first_and_names_what_is_overwritten(
    browser_without_js: Browser, host: ReadingHost, haze: str
) -> None:
    asked = browser_without_js.post(f"{PAGE}/restore", {"field": "*"})
    before = dict(host.has[haze])
    done = browser_without_js.post(f"{PAGE}/restore", {"field": "*", "confirmed": "1"})

    assert asked.status_code == 200
    assert "2 fields differ: Name, Price." in words_in(asked.text)
    assert before["name"] != "Blue Harbour 3.5 g"
    assert done.status_code == 303
    assert host.has[haze]["name"] == "Blue Harbour 3.5 g"
    assert host.has[haze]["price"] == Decimal("32.00")


@pytest.mark.parametrize(
    ("field", "refuses", "words"),
    [
        ("name", "Names end at 10 letters.", "Names end at 10 letters."),
        ("strain", "", "COVA says nothing about that field"),
        ("colour", "", "no product field “colour”"),
    ],
)
def test_what_cannot_be_taken_is_said_with_what_to_do(
    *,
    browser_without_js: Browser,
    records: Records,
    host: ReadingHost,
    haze: str,
    field: str,
    refuses: str,
    words: str,
) -> None:
    host.refuses = refuses

    answer = browser_without_js.post(f"{PAGE}/restore", {"field": field})

    assert answer.status_code == 422
    assert words in answer.text
    assert "What to do:" in answer.text
    assert records.rows("cova_audit") == []


def test_who_may_only_look_is_told_what_is_missing(
    browser_without_js: Browser, host: ReadingHost, haze: str
) -> None:
    host.allowed[NORTH] = frozenset({"view"})

    markup = browser_without_js.get(PAGE).text

    assert "<form" not in markup
    assert "need the permission to change COVA's settings" in markup
    assert "needs the permission to start a sync" in markup


@pytest.mark.parametrize("missing", ["configure", "sync"])
def test_each_button_asks_for_its_own_permission(
    browser_without_js: Browser, host: ReadingHost, haze: str, missing: str
) -> None:
    host.allowed[NORTH] = ALL_ACTIONS - {missing}

    markup = browser_without_js.get(PAGE).text

    assert ("/lock" in markup) is (missing != "configure")
    assert ("/restore" in markup) is (missing != "sync")
