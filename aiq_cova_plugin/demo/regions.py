"""States and provinces, postal codes: what an address may look like in the stores' countries."""

from __future__ import annotations

import re

_US = (
    "AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH "
    "NJ NM NY NC ND OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY"
)
_CA = "AB BC MB NB NL NS NT NU ON PE QC SK YT"

STATES: dict[str, tuple[str, ...]] = {"US": tuple(_US.split()), "CA": tuple(_CA.split())}
STATE_LABEL = {"US": "State", "CA": "Province"}
POSTAL_LABEL = {"US": "ZIP code", "CA": "Postal code"}
POSTAL_EXAMPLE = {"US": "80202", "CA": "M5V 2T6"}
_POSTAL = {
    "US": re.compile(r"\d{5}(-\d{4})?"),
    "CA": re.compile(r"[ABCEGHJ-NPRSTVXY]\d[A-Z] ?\d[A-Z]\d"),
}


def postal_code_or_none(text: str, country: str) -> str | None:
    """The postal code as it is written in that country, or None when it is none."""
    code = " ".join(text.upper().split())
    if not _POSTAL[country].fullmatch(code):
        return None
    return f"{code[:3]} {code[-3:]}" if country == "CA" else code
