"""Every issue a run can have belongs to a field staff know, and has a way to mend it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from aiq_cova_plugin.host import PRODUCT_FIELDS
from aiq_cova_plugin.schemas.products import ProductSchema
from aiq_cova_plugin.services.catalogue.issue_fields import (
    FIELD_BY_KEY,
    WHOLE_PRODUCT,
    issue_of_key,
)
from aiq_cova_plugin.services.choices.pos_settings import FIELD_LABELS
from aiq_cova_plugin.web.words.issue_words import ISSUE_LABELS, fix_of

_PACKAGE = Path(__file__).parents[3] / "aiq_cova_plugin"
_SPECIFICATION = "the display name of a specification"


def _fields_of_issues() -> dict[str, str]:
    """dict: field → where, for every `FieldIssue(…)` in the package's code."""
    found: dict[str, str] = {}
    for path in (*(_PACKAGE / "mapping").glob("*.py"), *(_PACKAGE / "services").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            is_issue = isinstance(node, ast.Call) and getattr(node.func, "id", "") == "FieldIssue"
            if not is_issue or len(node.args) < 2:  # type: ignore[attr-defined]
                continue
            told = node.args[1]  # type: ignore[attr-defined]
            if isinstance(told, ast.Constant):
                found[str(told.value)] = path.name
            elif isinstance(told, ast.Name) and told.id == "WHOLE_PRODUCT":
                found[WHOLE_PRODUCT] = path.name
            elif isinstance(told, ast.Starred):
                found |= dict.fromkeys(FIELD_BY_KEY.values(), path.name)
            else:
                found[_SPECIFICATION] = path.name
    return found


def test_every_key_of_a_product_that_is_read_has_a_field() -> None:
    keys = {each.data_key for each in ProductSchema().fields.values()}
    assert keys == set(FIELD_BY_KEY)
    assert set(FIELD_BY_KEY.values()) <= {*PRODUCT_FIELDS, WHOLE_PRODUCT}


def test_every_field_an_issue_can_name_has_a_label_and_a_fix() -> None:
    fields = _fields_of_issues()
    assert {"price", "quantity", "enabled", WHOLE_PRODUCT, _SPECIFICATION} <= set(fields)
    for field, where in fields.items():
        if field != _SPECIFICATION:
            assert field in ISSUE_LABELS, f"{field} in {where} has no name staff know"
        assert fix_of(field), f"{field} in {where}"
    assert set(PRODUCT_FIELDS) <= set(FIELD_LABELS)


@pytest.mark.parametrize(
    ("where", "field", "path"),
    [
        ("Prices[2].Price", "price", "Prices.Price"),
        ("Availability[0].InStockQuantity", "quantity", "Availability.InStockQuantity"),
        ("ProductSpecifications[7].Value", "labs", "ProductSpecifications.Value"),
        ("Upcs", "upc", "Upcs"),
        ("NeverHeardOf", WHOLE_PRODUCT, "NeverHeardOf"),
    ],
)
def test_the_same_trouble_of_two_products_is_one_cause(where: str, field: str, path: str) -> None:
    assert issue_of_key(where, "is not a number") == (
        field,
        f"COVA's {path} is not a number, so it was not used.",
    )
