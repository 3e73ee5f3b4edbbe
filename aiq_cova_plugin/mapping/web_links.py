"""Which texts from COVA may become a link or a picture on a shop's page."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_LONGEST_LINK = 2000
_FORBIDDEN = re.compile(
    r"[\s\x00-\x20\x7f-\x9f<>\"\\\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]"
)


def web_link(text: str | None) -> str | None:
    """The address, stripped, if it is a plain http or https one with a host; else None.

    Refused: every other scheme (`javascript:`, `data:` …), addresses with a user name in
    them, with spaces, control or invisible characters, quotes, angle brackets or
    backslashes, and those longer than 2000 characters.
    """
    link = (text or "").strip()
    if not link or len(link) > _LONGEST_LINK or _FORBIDDEN.search(link):
        return None
    try:
        parts = urlsplit(link)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme.lower() not in ("http", "https") or not host or "@" in parts.netloc:
        return None
    return link
