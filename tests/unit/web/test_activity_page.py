"""The audit trail in plain words."""

from __future__ import annotations

from aiq_cova_plugin.services import audit

from tests.unit.web.kit import NORTH, SOUTH, Browser, Records, TinyHost

PAGE = f"/cova/{NORTH}/activity"


def text_of(markup: str) -> str:
    return " ".join(markup.split())


def note(records: Records, action: str, subject: str = "", **detail: object) -> None:
    with records.app.app_context():
        audit.note(records.ctx, NORTH, action, subject, by="Robin Example", **detail)


def test_before_anything_was_done_the_page_says_what_appears_here(
    browser_without_js: Browser,
) -> None:
    assert "Nobody has changed anything here yet" in browser_without_js.get(PAGE).text


def test_acts_are_told_newest_first_with_who_what_and_about_what(
    browser_without_js: Browser, records: Records
) -> None:
    records.product("p-1", "Blue Harbour")
    note(records, "settings_saved", changed={"enabled": {"old": False, "new": True}})
    note(records, "product_locked", "p-1")
    note(records, "order_retried", "1042", state="needs_attention")
    note(records, "run_approved", "run-7", full=True)
    note(records, "something_new", "<b>")

    markup = text_of(browser_without_js.get(PAGE).text)

    places = [
        markup.index(words)
        for words in ("Something new", "Approved a sync", "Retried an order", "Locked a product",
                      "Saved the connection")
    ]  # fmt: skip
    assert places == sorted(places)
    assert "Robin Example" in markup
    assert f'<a href="/cova/{NORTH}/products/p-1">Blue Harbour</a>' in markup
    assert f'<a href="/cova/{NORTH}/orders/1042">Order 1042</a>' in markup
    assert "Use COVA for this store: – → yes" in markup
    assert "<b>" not in markup


def test_what_changed_is_told_in_the_shops_words(
    browser_without_js: Browser, records: Records
) -> None:
    records.order("7", "needs_attention")
    customer = "6a27e0df-cbf8-4544-b215-4e76e4c11ab2"
    note(records, "order_withdrawn", "7", state="needs_attention")
    note(records, "customer_chosen", "7", customer=customer)
    note(records, "orders_retried", "Rejected-3747e568c7", number_of_orders=1)
    note(
        records,
        "pos_settings_saved",
        changed={
            "guard_percent": {"old": 30, "new": 40},
            "staff_fields": {"old": [], "new": ["name"]},
            "specification_names": {
                "old": {"a": ["x"], "b": ["y"]},
                "new": {"a": ["z"], "b": ["y"]},
            },
        },
        guard_percent=40,
        guard_at_least=20,
        staff_fields=["name"],
    )

    markup = text_of(browser_without_js.get(PAGE).text)

    for said in (
        ">Order W-7</a>",
        "It was: Needs you",
        "COVA refused the order",
        "share of: 30 → 40",
        "Fields of the staff: – → Name",
        "Specification names: a x → z",
    ):
        assert said in markup
    for unsaid in (customer, "3747e568c7", "needs_attention", "from products", "b y"):
        assert unsaid not in markup


def test_one_store_does_not_see_the_acts_of_another(
    browser_without_js: Browser, records: Records
) -> None:
    note(records, "settings_saved")

    assert "Robin Example" not in browser_without_js.get(f"/cova/{SOUTH}/activity").text


def test_a_long_trail_comes_in_pages(browser_without_js: Browser, records: Records) -> None:
    for number in range(120):
        note(records, "order_retried", str(number))

    first = browser_without_js.get(PAGE).text
    last = browser_without_js.get(f"{PAGE}?page=3").text

    assert first.count('data-label="Who"') == 50
    assert "Order 119" in first
    assert "101 to 120 of 120" in last
    assert ">Order 0<" in last
    assert "Nothing on this page" in browser_without_js.get(f"{PAGE}?page=4").text


def test_it_is_for_those_who_configure(
    browser_without_js: Browser, records: Records, host: TinyHost
) -> None:
    host.allowed[NORTH] = frozenset({"view", "sync", "orders"})

    assert browser_without_js.get(PAGE).status_code == 403
    assert "Activity" not in browser_without_js.get(f"/cova/{NORTH}/").text


def test_every_act_the_package_writes_has_words() -> None:
    """Read from the sources, so that a new act without words is found here."""
    import re
    from pathlib import Path

    import aiq_cova_plugin
    from aiq_cova_plugin.web.words.activity_words import _ACTS

    folder = Path(aiq_cova_plugin.__file__).parent / "services"
    written = set()
    for source in folder.rglob("*.py"):
        text = source.read_text("utf-8")
        written |= set(re.findall(r'\bnote\(\s*[\w.]+,\s*[\w.]+,\s*"(\w+)"', text))
        written |= set(re.findall(r'action="(\w+_saved)"', text))

    assert len(written) > 8
    assert written <= set(_ACTS)
