"""A demo shop beside a simulated COVA, with its samples: synced, ordered, pushed and polled."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Flask

from aiq_cova_plugin.demo import create_app
from aiq_cova_plugin.demo.models import db
from aiq_cova_plugin.simulator import Simulator


@contextmanager
def a_played_shop(folder: Path, *, csrf: bool = False) -> Iterator[tuple[Flask, Simulator]]:
    """As a visitor of `make demo` finds it after half a minute, but with nothing running."""
    with Simulator(products=60) as simulator:
        app = create_app(
            {
                "TESTING": True,
                "WTF_CSRF_ENABLED": csrf,
                "DEMO_INSTANCE_PATH": str(folder),
                "DEMO_SAMPLES": "1",
                "COVA_SCHEDULER": "none",
            },
            simulator=simulator,
        )
        for arguments in (["sync", "--store", "1"], ["orders", "push"], ["orders", "poll"]):
            # An order that needs a person is among them, which a command says with its exit code.
            app.test_cli_runner().invoke(args=["cova", *arguments, "--json"])
        try:
            yield app, simulator
        finally:
            with app.app_context():
                db.session.remove()
                db.engine.dispose()
        assert simulator.broken == []
