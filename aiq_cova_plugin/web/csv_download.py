"""Lists as CSV, for a spreadsheet: streamed, and harmless to open."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

from flask import Response, request, stream_with_context

# A spreadsheet takes a cell that begins so for a formula and may run it (OWASP: CSV injection);
# the wide forms too, where it reads Japanese.
_DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_ROWS_PER_PIECE = 200
_MARK = "\ufeff"
"""Without it a well-known spreadsheet reads UTF-8 as something else."""


def wants_csv() -> bool:
    """Does the address ask for the download?"""
    return request.args.get("format", "") == "csv"


def safe_cell(value: object) -> str:
    """The value as text that no spreadsheet takes for a formula; None is an empty cell."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_DANGEROUS) else text


def csv_response(name: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """A download of this name (without the ending), sent piece by piece while rows are read."""
    response = Response(
        stream_with_context(_pieces(header, rows)), mimetype="text/csv; charset=utf-8"
    )
    response.headers.set("Content-Disposition", "attachment", filename=f"{name}.csv")
    return response


def _pieces(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    piece = io.StringIO()
    writer = csv.writer(piece)
    piece.write(_MARK)
    writer.writerow(header)
    for number, row in enumerate(rows, start=1):
        writer.writerow([safe_cell(each) for each in row])
        if number % _ROWS_PER_PIECE == 0:
            yield piece.getvalue()
            piece.seek(0)
            piece.truncate()
    yield piece.getvalue()
