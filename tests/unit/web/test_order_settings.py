"""Order settings: what is typed comes back with the error beside it; what is saved is on record."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.web.kit import NORTH, Browser, Records, TinyHost

PATH = f"/cova/{NORTH}/order-settings"
PRODUCT = "0b6f0c52-1111-4a5e-9c1e-5a0e3c7d0099"


def form(**changes: Any) -> dict[str, Any]:
    """The form as the page sends it when nothing was changed."""
    return {
        "address_policy": "overwrite",
        "status_word": ["OrderPlaced", "InProgress"],
        "status_choice": ["default", "default"],
        "delivery_fee_product": "",
        "fee_name": [""],
        "fee_product": [""],
        "question_field": ["Phone", "Phone", ""],
        "question_operation": ["Contains", "Equals", ""],
        "question_sends": ["ending", "spellings", "spellings"],
        "text_search": "if_nobody",
    } | changes


def stored(records: Records, column: str) -> Any:
    (row,) = [row for row in records.rows("cova_connection") if row["store_id"] == NORTH]
    value = row[column]
    return json.loads(value) if column not in ("address_policy", "delivery_fee_product") else value


@pytest.fixture(autouse=True)
def connected(records: Records) -> None:
    records.connect()


def test_the_page_shows_the_defaults(browser_without_js: Browser) -> None:
    markup = browser_without_js.get(PATH).text

    assert "Order settings" in markup
    assert "As usual: Ready for pickup" in markup
    assert "Ready for pickup, delivery orders" in markup
    assert "Completed, always" in markup
    assert 'value="Phone"' in markup
    assert f'href="{PATH}" aria-current="page"' in markup or "aria-current" in markup


@pytest.mark.parametrize("htmx", [None, "cova-order-settings"])
def test_what_is_saved_is_used_shown_and_on_record(
    browser_without_js: Browser, records: Records, htmx: str | None
) -> None:
    typed = form(
        address_policy="beside",
        status_choice=["nothing", "confirmed"],
        delivery_fee_product=PRODUCT.upper(),
        fee_name=["Packaging", " Rush   hour ", ""],
        fee_product=[PRODUCT, PRODUCT, ""],
        question_operation=["StartsWith", "", ""],
        question_field=["Phone", "", ""],
    )

    answer = browser_without_js.post(PATH, typed, htmx=htmx)

    assert answer.status_code == (303 if htmx is None else 200)
    assert stored(records, "address_policy") == "beside"
    assert stored(records, "status_map") == {"OrderPlaced": "", "InProgress": "confirmed"}
    assert stored(records, "fee_products") == {"Packaging": PRODUCT, "Rush hour": PRODUCT}
    assert stored(records, "delivery_fee_product") == PRODUCT
    assert stored(records, "customer_search")["questions"] == [["Phone", "StartsWith", "ending"]]
    markup = browser_without_js.get(PATH).text
    assert "Rush hour" in markup
    assert "StartsWith" in markup
    (act,) = [each for each in records.rows("cova_audit") if "order_settings" in each["action"]]
    assert set(json.loads(act["detail"])["changed"]) == {
        "address_policy", "statuses", "fees", "delivery_fee_product", "search",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "message", "described"),
    [
        ({"address_policy": "burn"}, "Choose what happens to an address", "address_policy"),
        ({"status_choice": ["eaten", "default"]}, "is no status of the shop", "status-0"),
        ({"delivery_fee_product": "SKU-1"}, "must be a GUID", "delivery_fee_product"),
        ({"fee_name": ["Packaging"], "fee_product": ["SKU-1"]}, "must be a GUID", "fee-0"),
        ({"fee_name": ["Packaging"]}, "Type the product COVA sells", "fee-0"),
        ({"fee_product": [PRODUCT]}, "Type the fee&#39;s name", "fee-0"),
        (
            {"fee_name": ["A", "a "], "fee_product": [PRODUCT, PRODUCT]},
            "in the list twice",
            "fee-1",
        ),
        ({"fee_name": ["x" * 90], "fee_product": [PRODUCT]}, "60 characters at most", "fee-0"),
        ({"question_field": ["Pho ne", "Phone", ""]}, "single words of COVA", "question-0"),
        ({"question_sends": ["blood", "spellings", ""]}, "what is sent", "question-0"),
        ({"text_search": "sometimes"}, "when the text search is asked", "text_search"),
        (
            {
                "text_search": "never",
                "question_field": ["", "", ""],
                "question_operation": ["", "", ""],
            },
            "no customer would ever be found",
            "text_search",
        ),
    ],
)
@pytest.mark.parametrize("htmx", [None, "cova-order-settings"])
def test_a_mistake_comes_back_beside_its_field_and_saves_nothing(
    browser_without_js: Browser,
    records: Records,
    *,
    changes: dict[str, Any],
    message: str,
    described: str,
    htmx: str | None,
) -> None:
    answer = browser_without_js.post(PATH, form(**changes), htmx=htmx)

    assert answer.status_code == 422
    assert message in answer.text
    where = answer.text.index(f'id="field-{described}-error"')
    assert message in answer.text[where : where + 400]
    assert 'aria-invalid="true"' in answer.text or described == "address_policy"
    assert stored(records, "fee_products") == {}
    assert stored(records, "address_policy") == "overwrite"
    assert not [each for each in records.rows("cova_audit") if "order_settings" in each["action"]]


def test_what_was_typed_is_not_lost_to_a_mistake(browser_without_js: Browser) -> None:
    typed = form(
        fee_name=["Packaging <b>"], fee_product=["SKU-1"], status_choice=["nothing", "default"]
    )

    markup = browser_without_js.post(PATH, typed, htmx="cova-order-settings").text

    assert 'value="Packaging &lt;b&gt;"' in markup
    assert 'value="SKU-1"' in markup
    assert '<option value="nothing" selected>' in markup


def test_a_fee_can_be_removed(browser_without_js: Browser, records: Records) -> None:
    two = form(fee_name=["Packaging", "Rush"], fee_product=[PRODUCT, PRODUCT])
    browser_without_js.post(PATH, two)

    browser_without_js.post(PATH, {**two, "fee_remove": "0"})

    assert stored(records, "fee_products") == {"Rush": PRODUCT}


def test_a_status_nobody_knows_is_listed_until_it_has_a_meaning(
    browser_without_js: Browser, records: Records
) -> None:
    records.order("9", "in_pos", events=[("unknown_status", "At <b>the</b> door")])

    before = browser_without_js.get(PATH).text
    typed = form(status_word=["At <b>the</b> door"], status_choice=["out_for_delivery"])
    browser_without_js.post(PATH, typed)
    after = browser_without_js.get(PATH).text

    assert "At &lt;b&gt;the&lt;/b&gt; door" in before
    assert "1 unknown" in before
    assert "1 unknown" not in after
    assert stored(records, "status_map") == {"At <b>the</b> door": "out_for_delivery"}


@pytest.mark.parametrize("value", ["null", "[]", '"x"', '{"questions": 7}'])
def test_a_malformed_stored_search_still_shows_a_page(
    browser_without_js: Browser, records: Records, value: str
) -> None:
    records.connect(customer_search=json.loads(value))

    assert browser_without_js.get(PATH).status_code == 200


def test_a_checkout_without_a_phone_is_said(browser_without_js: Browser, host: TinyHost) -> None:
    host.requires_phone = False

    assert "does not require a phone number" in browser_without_js.get(PATH).text
