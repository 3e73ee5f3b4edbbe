"""Makes characters visible that would otherwise let a name pretend to be another text.

COVA's and shoppers' texts may hold characters nobody sees: some turn the reading direction of
what follows, even of our own words, others make two names look alike. A page shows them as
a replacement character. They stay in attributes, so that a form sends back what is stored.
"""

from __future__ import annotations

import re

from flask import Response
from markupsafe import Markup

# Overrides, embeddings and isolates of the reading direction; then what has no width. The joiners
# that emoji and some scripts are written with are not among them.
_UNSEEN = re.compile("[\u202a-\u202e\u2066-\u2069\u200b\u2060-\u2064\ufeff]")
_TAG = re.compile(r"(<[^>]*>)")
_SHOWN_AS = "\ufffd"


def show_unseen(markup: str) -> str:
    """The markup, its texts without characters that deceive; tags are left as they are."""
    if _UNSEEN.search(markup) is None:
        return markup
    # Jinja escapes ">" in every value, so a tag ends at the first one.
    return "".join(
        part if part.startswith("<") else _UNSEEN.sub(_SHOWN_AS, part)
        for part in _TAG.split(markup)
    )


def cova_shown(markup: str) -> Markup:
    """The same as a filter for the blocks that our macros put on the host's pages."""
    # Escaped already: a filter block is handed what the template made.
    return Markup(show_unseen(str(markup)))  # noqa: S704


def show_unseen_in(response: Response) -> Response:
    """The same for a page that is about to be sent; anything else passes."""
    if response.mimetype == "text/html" and not response.is_streamed:
        before = response.get_data(as_text=True)
        after = show_unseen(before)
        if after is not before:
            response.set_data(after)
    return response
