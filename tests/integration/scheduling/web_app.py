"""What gunicorn serves in the tests: `tests.integration.scheduling.web_app:create_app()`."""

from __future__ import annotations

import json
import os

from flask import Flask

from tests.support.shop import Shop


def create_app() -> Flask:
    """The shop of the tests as a serving process builds it; its settings come as JSON."""
    told = json.loads(os.environ["TEST_SHOP"])
    return Shop(told["database_url"], TESTING=False, **told["config"]).app
