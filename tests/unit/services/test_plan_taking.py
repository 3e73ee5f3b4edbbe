"""What a person's "Take COVA's value" asks of the host, and what a lock keeps."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from aiq_cova_plugin.domain.catalogue import Presence, ProductSnapshot
from aiq_cova_plugin.host import PRODUCT_FIELDS
from aiq_cova_plugin.services.catalogue.plan_product import (
    ABSENT,
    HIDDEN,
    SHOWN,
    HostSide,
    ProductPlan,
    plan_product,
    plan_taking,
)

from tests.unit.domain.snapshots import snapshot

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
EVERYTHING = frozenset(PRODUCT_FIELDS)
ON_MENU = HostSide(state=SHOWN)
HAZE = snapshot(
    name="Example Haze",
    brand="",
    regular_price=Decimal("32.00"),
    stock=Decimal(5),
    tags=(),
)


def take(
    asked: set[str] | None,
    *,
    of: ProductSnapshot = HAZE,
    host: HostSide = ON_MENU,
    **more: Any,
) -> ProductPlan:
    given: dict[str, Any] = {
        "owned": EVERYTHING,
        "category_id": "1",
        "held": Decimal(2),
        "is_vanished": False,
        "now": NOW,
    } | more
    return plan_taking(of, None if asked is None else frozenset(asked), host=host, **given)


def plan(of: ProductSnapshot = HAZE, *, host: HostSide, **more: Any) -> ProductPlan:
    given: dict[str, Any] = {
        "owned": EVERYTHING,
        "category_id": "1",
        "held": Decimal(2),
        "is_vanished": False,
        "now": NOW,
    } | more
    return plan_product(of, host=host, **given)


def fields_of_change(found: ProductPlan) -> dict[str, Any]:
    assert found.change is not None
    return dict(found.change.fields)


def test_one_field_alone_is_told() -> None:
    found = take({"name"})

    assert found.change is not None
    assert found.change.action == "update"
    assert fields_of_change(found) == {"name": "Example Haze"}
    assert found.applied_after == {"name": "Example Haze"}


def test_a_locked_product_and_a_field_of_the_staff_are_told_too() -> None:
    host = HostSide(state=SHOWN, is_locked=True, applied={"price": "10"})

    found = take({"name", "price"}, host=host, owned=EVERYTHING - {"name"})

    assert fields_of_change(found) == {"name": "Example Haze", "price": Decimal("32.00")}
    assert found.applied_after == {"price": "32"}, "what staff own is not ours to remember"


def test_the_quantity_is_what_is_left_after_the_holds() -> None:
    assert fields_of_change(take({"quantity"})) == {"quantity": Decimal(3)}


def test_all_leaves_alone_what_is_empty_in_cova() -> None:
    told = fields_of_change(take(None))

    assert "brand" not in told
    assert "tags" not in told
    assert told["name"] == "Example Haze"
    assert told["sale_price"] is None, "no sale is a statement"
    assert told["category_id"] == "1"


def test_all_erases_what_staff_let_be_erased() -> None:
    assert fields_of_change(take(None, erasable=frozenset({"brand"})))["brand"] == ""


def test_a_field_asked_for_by_name_becomes_empty() -> None:
    assert fields_of_change(take({"brand"})) == {"brand": ""}


@pytest.mark.parametrize(
    ("asked", "of", "host"),
    [
        pytest.param({"strain"}, HAZE, HostSide(state=SHOWN), id="COVA is silent"),
        pytest.param(None, HAZE, HostSide(state=ABSENT), id="the shop does not have it"),
        pytest.param({"enabled"}, HAZE, HostSide(state=HIDDEN, is_excluded=True), id="excluded"),
    ],
)
def test_nothing_to_take(asked: set[str] | None, of: ProductSnapshot, host: HostSide) -> None:
    assert take(asked, of=of, host=host).change is None


def test_an_excluded_product_stays_off_the_menu() -> None:
    found = take(None, host=HostSide(state=HIDDEN, is_excluded=True))

    assert "enabled" not in fields_of_change(found)
    assert found.state_after == HIDDEN


@pytest.mark.parametrize(
    ("of", "is_vanished", "before", "action", "after"),
    [
        (HAZE, False, HIDDEN, "restore", SHOWN),
        (HAZE, False, SHOWN, "update", SHOWN),
        (HAZE, True, SHOWN, "hide", HIDDEN),
        (HAZE, True, HIDDEN, "update", HIDDEN),
        (snapshot(name="Old", presence=Presence.ARCHIVED), False, SHOWN, "hide", HIDDEN),
    ],
)
def test_all_puts_it_on_or_off_the_menu_as_cova_says(
    of: ProductSnapshot, is_vanished: bool, before: str, action: str, after: str
) -> None:
    found = take(None, of=of, host=HostSide(state=before), is_vanished=is_vanished)

    assert found.change is not None
    assert (found.change.action, found.state_after) == (action, after)
    assert found.change.fields["enabled"] is (after == SHOWN)


# --- locked ---------------------------------------------------------------------------------------


def test_of_a_locked_product_the_plan_says_what_differs() -> None:
    host = HostSide(
        state=SHOWN,
        is_locked=True,
        applied={"name": "Old name", "price": "32", "brand": "Ours", "quantity": "9"},
    )

    found = plan(host=host)

    assert fields_of_change(found) == {"quantity": Decimal(3)}
    assert found.differing == ("name",), "not the quantity, nor what is empty in COVA"


def test_an_unlocked_product_differs_in_nothing_afterwards() -> None:
    host = HostSide(state=SHOWN, applied={"name": "Old name", "quantity": "9"})

    assert plan(host=host).differing == ()


def test_a_locked_product_that_cova_archives_still_leaves_the_menu() -> None:
    host = HostSide(state=SHOWN, is_locked=True)

    found = plan(snapshot(name="Old", presence=Presence.ARCHIVED), host=host)

    assert found.change is not None
    assert found.change.action == "hide"
