"""The shop's configuration: defaults, then the environment, then what `create_app` was given."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask import Flask

from aiq_cova_plugin.demo.instance_files import secret

FROM_ENVIRONMENT = {
    # Where database, secrets and the simulator's address are kept.
    "DEMO_INSTANCE_PATH": None,
    # Another database than the SQLite file in the instance folder.
    "DEMO_DATABASE_URL": None,
    # The simulator listens here, or on the next free port.
    "DEMO_SIMULATOR_PORT": 5055,
    "DEMO_SIMULATOR_PRODUCTS": 400,
    # Sample products and orders: "1" or "0"; unset, they come with a simulator of our own.
    "DEMO_SAMPLES": None,
    # From where product pictures may come, beside this machine; separated by spaces.
    "DEMO_IMAGE_HOSTS": "https://amsprod.blob.core.windows.net",
}


def new_app(config: Mapping[str, Any]) -> Flask:
    """A Flask app that knows its instance folder and its configuration, and nothing else yet."""
    given = {
        key: config.get(key, os.environ.get(key) or default)
        for key, default in FROM_ENVIRONMENT.items()
    }
    folder = given["DEMO_INSTANCE_PATH"]
    app = Flask(
        "aiq_cova_plugin.demo", instance_path=str(Path(folder).resolve()) if folder else None
    )
    Path(app.instance_path).mkdir(parents=True, exist_ok=True)
    app.config.from_mapping(given)
    app.config.from_mapping(
        COVA_BASE_TEMPLATE="demo/staff_layout.html",
        SESSION_COOKIE_NAME="green_harbour",
        SESSION_COOKIE_SAMESITE="Lax",
        # A page may lie open over a lunch break before its form is sent.
        WTF_CSRF_TIME_LIMIT=12 * 3600,
        MAX_CONTENT_LENGTH=1_000_000,
    )
    app.config.from_mapping(config)
    if not app.config.get("SECRET_KEY"):
        app.config["SECRET_KEY"] = secret(app, "secret-key")
    if not app.config.get("SQLALCHEMY_DATABASE_URI"):
        app.config["SQLALCHEMY_DATABASE_URI"] = given["DEMO_DATABASE_URL"] or _own_database(app)
    return app


def talks_to_cova(app: Flask) -> bool:
    """Was an address of COVA given, so that no simulator is wanted?"""
    return bool(app.config.get("COVA_API_URL") or os.environ.get("COVA_API_URL", "").strip())


def wants_samples(app: Flask, *, otherwise: bool) -> bool:
    """Are sample products and orders asked for? `otherwise` where nothing is said."""
    said = app.config.get("DEMO_SAMPLES")
    return otherwise if said is None else str(said).lower() not in ("0", "false", "no", "")


def _own_database(app: Flask) -> str:
    # Two files, so that what the simulator made up never mixes with a real COVA's products.
    name = "demo-live.sqlite" if talks_to_cova(app) else "demo.sqlite"
    return f"sqlite:///{Path(app.instance_path) / name}"
