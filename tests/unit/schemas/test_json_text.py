"""Numbers keep their digits, and nothing odd gets in."""

from decimal import Decimal

import pytest

from aiq_cova_plugin.schemas.fields import Day, Guid, Instant, Number, Text, Whole, YesNo
from aiq_cova_plugin.schemas.json_text import dump_json, parse_json


def test_numbers_with_a_point_are_decimals():
    assert parse_json(b'{"a": 0.1, "b": 3, "c": 1e2}') == {
        "a": Decimal("0.1"),
        "b": 3,
        "c": Decimal(100),
    }


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"<html>",
        b"\xff\xfe\xff",
        b"[" * 200_000,
        b'{"a": 1',
    ],
)
def test_what_is_no_json_is_a_value_error(document: bytes):
    with pytest.raises(ValueError):
        parse_json(document)


@pytest.mark.parametrize(
    "literal",
    [b"NaN", b"Infinity", b"-Infinity", b"9" * 5000, b"1e99999999999999999999", b"-" + b"9" * 9999],
)
def test_a_number_that_is_none_spoils_itself_alone(literal: bytes):
    value = parse_json(b'{"a": ' + literal + b', "b": 1.50, "c": 7}')
    assert value["a"].is_nan()
    assert (value["b"], value["c"]) == (Decimal("1.50"), 7)


def test_no_field_takes_a_number_that_is_none():
    none = parse_json(b"NaN")
    for each in (Text("k"), Whole("k"), Number("k"), YesNo("k"), Guid("k"), Instant("k"), Day("k")):
        with pytest.raises(ValueError):
            each.read(none)


def test_characters_no_database_stores_are_taken_out():
    document = rb'{"a\u0000": ["x\u0000y", "\ud800", "\ud83d\ude00"]}'
    assert parse_json(document) == {"a": ["xy", "", "😀"]}


def test_a_byte_order_mark_is_no_obstacle():
    assert parse_json(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}


def test_decimals_are_written_digit_by_digit():
    value = {"a": Decimal("10.10"), "b": [Decimal("1E+2"), None, True, 'q"'], "c": 3}
    assert dump_json(value) == b'{"a":10.10,"b":[100,null,true,"q\\""],"c":3}'


def test_a_float_or_nan_is_never_sent():
    with pytest.raises(TypeError):
        dump_json({"a": 1.5})
    with pytest.raises(ValueError):
        dump_json([Decimal("NaN")])
