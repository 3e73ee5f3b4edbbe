"""Downloads: nothing in them runs in a spreadsheet, and they are sent while they are read."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import pytest
from flask import Flask

from aiq_cova_plugin.domain.catalogue import FieldIssue
from aiq_cova_plugin.web.csv_download import csv_response, safe_cell

from tests.unit.web.kit import NORTH, Browser, Records


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+1 303 555 0142", "'+1 303 555 0142"),
        ("-5", "'-5"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("\n=1", "'\n=1"),
        ("\uff1d1+1", "'\uff1d1+1"),
        ("Blue Harbour", "Blue Harbour"),
        ("5 - 3", "5 - 3"),
        (" =1", " =1"),
        ("", ""),
        (None, ""),
        (-5, "'-5"),
        (12, "12"),
    ],
)
def test_no_cell_is_a_formula(value: object, cell: str) -> None:
    assert safe_cell(value) == cell


def test_commas_quotes_and_lines_survive() -> None:
    app = Flask("tests")
    row = ("a, b", 'say "hi"', "two\nlines", "Crème brûlée")
    with app.test_request_context():
        response = csv_response("things", ("one", "two", "three", "four"), [row])
        text = response.get_data(as_text=True)

    assert tuple(list(csv.reader(io.StringIO(text.lstrip("\ufeff"))))[1]) == row
    assert text.startswith("\ufeff")


def test_it_is_sent_while_it_is_read() -> None:
    """The first piece leaves before the last row was asked for."""
    app = Flask("tests")
    asked = 0

    def rows() -> Iterator[tuple[str]]:
        nonlocal asked
        for number in range(10_000):
            asked += 1
            yield (f"row {number}",)

    with app.test_request_context():
        response = csv_response("things", ("row",), rows())
        pieces = iter(response.response)
        first = next(pieces)
        after_first = asked
        number_of_pieces = 1 + sum(1 for _ in pieces)

    assert len(first) > 0
    assert after_first < 1000
    assert number_of_pieces > 10


def test_all_issues_of_a_run_can_be_downloaded(
    browser_without_js: Browser, records: Records
) -> None:
    """More than are read at once, one of them of a hostile name."""
    records.product("p-0", '=HYPERLINK("https://example.com")')
    number = 2_345
    run_id = records.run(
        status="partial",
        issues=[
            FieldIssue(f"p-{each}", "price", f"“{each // 100}-” is no price.")
            for each in range(number)
        ]
        + [FieldIssue("p-0", "weight", "“heavy” is no weight.")] * 150,
    )

    answer = browser_without_js.get(f"/cova/{NORTH}/runs/{run_id}?format=csv")

    rows = list(csv.reader(io.StringIO(answer.text.lstrip("\ufeff"))))
    assert answer.mimetype == "text/csv"
    assert f"sync-{run_id[:8]}.csv" in answer.headers["Content-Disposition"]
    assert rows[0] == ["Product id", "Product", "What", "Why", "What to do"]
    prices = [row for row in rows if row[2] == "Price"]
    weights = [row for row in rows if row[2] == "Weight"]
    assert {row[0] for row in prices} == {f"p-{each}" for each in range(number)}
    assert len(prices) == number
    first = next(row for row in prices if row[0] == "p-0")
    assert first[1].startswith("'=HYPERLINK")
    assert first[3] == "“0-” is no price."
    assert first[4]
    assert len(weights) == 101
    assert weights[-1][:2] == ["", "and 50 more"]
