"""Which database the tests run on: SQLite, or PostgreSQL with `COVA_TEST_DATABASE=postgresql`.

Read once, before the tests hide such variables from the code. What is about SQLite itself carries
the mark `sqlite` and stays there.
"""

from __future__ import annotations

import os

_ASKED = os.environ.get("COVA_TEST_DATABASE", "") or "sqlite"
if _ASKED not in ("sqlite", "postgresql"):
    raise ValueError(f"COVA_TEST_DATABASE is {_ASKED!r}; it may be sqlite or postgresql.")

ON_POSTGRES = _ASKED == "postgresql"
