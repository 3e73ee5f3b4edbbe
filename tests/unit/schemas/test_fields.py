"""Each field's tolerance as a table: zero, empty, missing, unknown."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from marshmallow import ValidationError

from aiq_cova_plugin.schemas.fields import (
    Day,
    Enumerated,
    Guid,
    Instant,
    Number,
    Text,
    TextOf,
    Whole,
    YesNo,
    utc_text,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, Decimal(0)),
        (Decimal("0.10"), Decimal("0.10")),
        ("12.50", Decimal("12.50")),
        (" 7 ", Decimal(7)),
        (-3, Decimal(-3)),
        (0.1, Decimal("0.1")),
        (Decimal("3.5E-18"), Decimal("3.5E-18")),
        (Decimal("0E+500"), Decimal(0)),
    ],
)
def test_number(value: Any, expected: Decimal):
    read = Number("N").read(value)
    assert read == expected
    assert isinstance(read, Decimal)


@pytest.mark.parametrize(
    "value",
    [
        True,
        "",
        "abc",
        "NaN",
        "Infinity",
        "-inf",
        Decimal("NaN"),
        Decimal("sNaN"),
        float("nan"),
        float("inf"),
        [],
        {},
        "1_000",
        "1,000",
        Decimal("1E+999999"),
        10**18,
    ],
)
def test_not_a_number(value: Any):
    with pytest.raises(ValueError, match="number"):
        Number("N").read(value)


@pytest.mark.parametrize(("value", "expected"), [(7, 7), ("7", 7), (Decimal("7.0"), 7), (0, 0)])
def test_whole(value: Any, expected: int):
    assert Whole("W").read(value) == expected


@pytest.mark.parametrize("value", [True, "", "7.5", Decimal("7.5"), 10**30, Decimal("1E+40"), []])
def test_not_whole(value: Any):
    with pytest.raises(ValueError):
        Whole("W").read(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", ""),
        (" x ", " x "),
        (5, "5"),
        (Decimal("24.50"), "24.50"),
        (True, "true"),
        (False, "false"),
    ],
)
def test_text(value: Any, expected: str):
    assert Text("T").read(value) == expected


@pytest.mark.parametrize("value", [[], {}, Decimal("1E+999999"), 10**100])
def test_not_a_text(value: Any):
    with pytest.raises(ValueError):
        Text("T").read(value)


def test_missing_null_and_empty_are_kept_apart():
    assert Text("T").read(None) is None
    assert Text("T", nothing="").read(None) == ""
    assert Text("T").read("") == ""
    assert Number("N").read(None) is None
    assert Number("N").read(0) == 0
    with pytest.raises(ValueError, match="missing"):
        Number("N", required=True).read(None)


def test_guid_is_lower_case():
    assert Guid("G").read(" {ABC-1} ") == "abc-1"
    assert Guid("G").read("") is None
    for bad in ("", None, 5, "x" * 101):
        with pytest.raises(ValueError):
            Guid("G", required=True).read(bad)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(True, True), ("False", False), (" TRUE ", True), (1, True), ("0", False)],
)
def test_yes_no(value: Any, expected: bool):
    assert YesNo("Y").read(value) is expected


@pytest.mark.parametrize("value", ["", "yes", 2, [], Decimal(1)])
def test_neither_yes_nor_no(value: Any):
    with pytest.raises(ValueError):
        YesNo("Y").read(value)


@pytest.mark.parametrize("digits", range(8))
def test_instant_with_0_to_7_digits(digits: int):
    fraction = "." + "1234567"[:digits] if digits else ""
    read = Instant("I").read(f"2026-01-20T17:03:04{fraction}Z")
    microsecond = int("1234567"[:digits].ljust(6, "0")[:6])
    assert read == datetime(2026, 1, 20, 17, 3, 4, microsecond, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-01-20T17:03:04", datetime(2026, 1, 20, 17, 3, 4, tzinfo=UTC)),
        ("2026-01-20T12:03:04-05:00", datetime(2026, 1, 20, 17, 3, 4, tzinfo=UTC)),
        ("2026-01-20", datetime(2026, 1, 20, tzinfo=UTC)),
        ("9999-12-31T23:59:59.9999999Z", datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)),
    ],
)
def test_instant_is_aware_utc(value: str, expected: datetime):
    read = Instant("I").read(value)
    assert read == expected
    assert read.tzinfo is UTC


@pytest.mark.parametrize("value", ["", "soon", 5, "9999-12-31T23:59:59-05:00", "2026-13-01"])
def test_not_an_instant(value: Any):
    with pytest.raises(ValueError, match="is not a time"):
        Instant("I").read(value)


def test_day():
    assert Day("D").read("1990-02-03T23:00:00-08:00") == date(1990, 2, 3)
    for bad in ("", "03/02/1990", 5):
        with pytest.raises(ValueError, match="is not a date"):
            Day("D").read(bad)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (4, "Ready"),
        ("4", "Ready"),
        (Decimal(4), "Ready"),
        ("ready", "Ready"),
        ("Odd", "Odd"),
        (9, "9"),
    ],
)
def test_enumeration(value: Any, expected: str):
    assert Enumerated("E", {4: "Ready"}, required=True).read(value) == expected


@pytest.mark.parametrize("value", [None, True, [], "", Decimal("1.5")])
def test_not_an_enumeration(value: Any):
    with pytest.raises(ValueError):
        Enumerated("E", {4: "Ready"}, required=True).read(value)


def test_text_of_objects_drops_empty_ones():
    field = TextOf("Upcs", "UPC")
    raw = [{"UPC": " 0012 "}, {"UPC": ""}, {"UPC": None}, {}, {"UPC": 12}]
    assert field.read(raw) == ("0012", "12")
    assert field.read([]) == ()
    assert field.read(None) is None


@pytest.mark.parametrize("field", [Text("F"), Number("F"), Whole("F"), YesNo("F"), Instant("F")])
# The machine that runs this may be busy with other things: slow is not wrong.
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=80)
@given(
    value=st.one_of(
        st.text(alphabet="aZ09.-+:_eE é", max_size=8),
        st.integers(),
        st.floats(),
        st.booleans(),
        st.decimals(),
        st.none(),
    )
)
def test_a_field_reads_or_refuses_but_never_breaks(field: Any, value: Any):
    """The reason never repeats the value, which may be a shopper's."""
    try:
        field.deserialize(value)
    except ValidationError as error:
        (reason,) = error.messages
        assert reason.startswith("is ")
        assert len(reason) < 40


def test_time_for_paths_has_milliseconds():
    assert utc_text(datetime(2026, 1, 31, 8, tzinfo=UTC)) == "2026-01-31T08:00:00.000Z"
