"""Setting the plugin up: configuration, many apps, and nothing that starts by itself."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy

from aiq_cova_plugin import CovaPlugin
from aiq_cova_plugin.config import DEFAULTS
from aiq_cova_plugin.errors import ConfigurationError
from aiq_cova_plugin.simulator import Simulator

from tests.support.connected import connected_shop, new_simulator
from tests.support.shop import ShopHost

_REPOSITORY = Path(__file__).parents[3]


def _app(**config: Any) -> Flask:
    app = Flask("host")
    app.config.update(TESTING=True, SECRET_KEY="x", SQLALCHEMY_DATABASE_URI="sqlite://", **config)
    db = SQLAlchemy()
    db.init_app(app)
    CovaPlugin().init_app(app, db=db, host=ShopHost(db))
    return app


# The same in every process, so that the tests have the same names there.
_GOOD_KEY = base64.urlsafe_b64encode(bytes(32)).decode()

_MALFORMED: list[tuple[str, Any]] = [
    ("COVA_API_URL", "api.covasoft.net"),
    ("COVA_API_URL", "ftp://api.covasoft.net"),
    ("COVA_API_URL", "http://api.covasoft.net"),
    ("COVA_API_URL", "http://localhost.evil.example"),
    ("COVA_API_URL", "https://canary:bird@api.covasoft.net"),
    ("COVA_API_URL", "https://"),
    ("COVA_API_URL", "https://api.covasoft.net:notaport"),
    ("COVA_API_URL", 42),
    ("COVA_API_URL", "https://api.covasoft.net/?key=canary"),
    ("COVA_TOKEN_URL", "http://accounts.iqmetrix.net/v1/oauth2/token"),
    ("COVA_TOKEN_URL", "nonsense"),
    ("COVA_PATHS", "{"),
    ("COVA_PATHS", ["order_status"]),
    ("COVA_PATHS", {"order_status": 7}),
    ("COVA_PATHS", {"no_such_call": "/x"}),
    ("COVA_PATHS", '{"order_status": "/x/{nobody}"}'),
    ("COVA_INTEGRATOR_ID", "12"),
    ("COVA_INTEGRATOR_ID", "00000000-0000-0000-0000-000000000000"),
    ("COVA_SECRET_KEYS", "canary"),
    ("COVA_SECRET_KEYS", f"{_GOOD_KEY},canary"),
    ("COVA_SECRET_KEYS", _GOOD_KEY.encode()),
    ("COVA_SECRET_KEYS", " , "),
    ("COVA_CATALOG_INTERVAL_SECONDS", 0),
    ("COVA_CATALOG_INTERVAL_SECONDS", "ten minutes"),
    ("COVA_STATUS_INTERVAL_SECONDS", -1),
    ("COVA_STATUS_INTERVAL_SECONDS", float("nan")),
    ("COVA_SCHEDULER", "cron"),
    ("COVA_SCHEDULER", True),
    ("COVA_URL_PREFIX", "cova"),
    ("COVA_URL_PREFIX", "/"),
    ("COVA_URL_PREFIX", "/a b"),
    ("COVA_URL_PREFIX", "/<store>"),
    ("COVA_BASE_TEMPLATE", 3),
    ("COVA_CONNECT_TIMEOUT_SECONDS", "0"),
    ("COVA_READ_TIMEOUT_SECONDS", float("inf")),
    ("COVA_READ_TIMEOUT_SECONDS", False),
    ("COVA_LEASE_SECONDS", 60),
    ("COVA_LEASE_SECONDS", "soon"),
    ("COVA_PAGE_SIZE", 0),
    ("COVA_PAGE_SIZE", 2.5),
    ("COVA_PAGE_SIZE", True),
    ("COVA_METRICS_TOKEN", 7),
    ("COVA_TICK_SECONDS", "fast"),
    ("COVA_WORKERS", 0),
    ("COVA_WORKERS", "many"),
    ("COVA_KEEP_RUNS_DAYS", 0),
    ("COVA_KEEP_ORDERS_DAYS", "a year"),
    ("COVA_KEEP_PERSONAL_DAYS", -1),
    ("COVA_KEEP_CUSTOMERS_DAYS", 1.5),
    ("COVA_KEEP_AUDIT_DAYS", True),
]


@pytest.mark.parametrize(
    ("key", "value"), _MALFORMED, ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_malformed_key_fails_at_start_up_by_name(key: str, value: Any) -> None:
    with pytest.raises(ConfigurationError) as refused:
        _app(**{key: value})

    assert refused.value.field == key
    assert key in refused.value.message
    assert "canary" not in str(refused.value)


def test_every_key_has_a_malformed_value_above() -> None:
    assert {key for key, _value in _MALFORMED} == set(DEFAULTS)


@pytest.mark.parametrize(
    ("key", "value"), [each for each in _MALFORMED if isinstance(each[1], str) and each[1].strip()]
)
def test_a_malformed_key_in_the_environment_fails_too(
    monkeypatch: pytest.MonkeyPatch, key: str, value: str
) -> None:
    monkeypatch.setenv(key, value)

    with pytest.raises(ConfigurationError) as refused:
        _app()

    assert refused.value.field == key


def test_a_key_of_the_environment_is_read_and_flask_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COVA_PAGE_SIZE", "120")
    monkeypatch.setenv("COVA_URL_PREFIX", "/from-environment")

    config = _app(COVA_PAGE_SIZE="70").extensions["cova"].services.config

    assert (config.page_size, config.url_prefix) == (70, "/from-environment")


def test_nothing_configured_is_a_working_shop_that_refuses_to_store_credentials() -> None:
    services = _app().extensions["cova"].services

    assert services.config.api_url == "https://api.covasoft.net"
    assert not services.vault.is_open


def test_setting_up_twice_is_refused() -> None:
    app = _app()
    db = app.extensions["sqlalchemy"]

    with pytest.raises(RuntimeError, match="set up on this app already"):
        CovaPlugin().init_app(app, db=db, host=ShopHost(db))


def test_many_apps_live_in_one_process(new_database: Callable[[], str]) -> None:
    with new_simulator() as one, new_simulator() as two:
        one.register.rename(one.ordinary_products(1)[0], "Only in the first")
        with (
            connected_shop(new_database(), one) as first,
            connected_shop(new_database(), two, COVA_URL_PREFIX="/pos") as second,
        ):
            first.sync()
            second.sync()
            (product_id,) = first.ordinary()
            first.shop.place("o1", [(product_id, "x", "1", "1.00")], send=["aiq.order-placed"])

            assert first.in_shop(product_id)["name"] == "Only in the first"
            assert second.in_shop(product_id)["name"] != "Only in the first"
            assert len(first.holds()) == 1
            assert second.holds() == [], "each app hears its own signals alone"
            assert second.shop.app.test_client().get("/pos/health").status_code == 200


def test_an_app_that_is_gone_hears_no_signals(sqlite_url: str, sim: Simulator) -> None:
    import gc
    import weakref

    from aiq_cova_plugin import signals

    # Other tests' apps may be alive in this process, and listen.
    before = len(list(signals.order_placed.receivers_for(object())))
    with connected_shop(sqlite_url, sim) as shop:
        app = weakref.ref(shop.shop.app)
        while_alive = len(list(signals.order_placed.receivers_for(object())))
    del shop
    gc.collect()

    assert app() is None, "nothing of ours keeps an app alive"
    assert while_alive > before
    assert len(list(signals.order_placed.receivers_for(object()))) < while_alive


@pytest.mark.parametrize("scheduler", ["apscheduler", "celery", "none"])
def test_nothing_starts_while_testing(scheduler: str) -> None:
    before = set(threading.enumerate())

    app = _app(COVA_SCHEDULER=scheduler)

    assert set(threading.enumerate()) == before
    assert getattr(app.extensions["cova"].scheduler, "running", False) is False


_HOST_APP = """
import threading
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from aiq_cova_plugin import CovaPlugin
from tests.support.shop import ShopHost


def create_app():
    app = Flask(__name__)
    app.config.update(SECRET_KEY="x", SQLALCHEMY_DATABASE_URI="sqlite:///THE_PLACE")
    db = SQLAlchemy()
    db.init_app(app)
    CovaPlugin().init_app(app, db=db, host=ShopHost(db))

    @app.cli.command("threads")
    def threads():
        print(sorted(thread.name for thread in threading.enumerate()))

    return app
"""


def _in_a_process(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    module = tmp_path / "host_app.py"
    module.write_text(_HOST_APP.replace("THE_PLACE", str(tmp_path / "host.sqlite")))
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("COVA_", "FLASK_"))}
    environment["PYTHONPATH"] = os.pathsep.join([str(tmp_path), str(_REPOSITORY)])
    return subprocess.run(
        [
            sys.executable,
            "-W",
            "error::ResourceWarning",
            "-m",
            "flask",
            "--app",
            "host_app",
            *arguments,
        ],
        check=False,
        capture_output=True,
        text=True,
        timeout=50,
        cwd=tmp_path,
        env=environment,
    )


def test_a_command_of_the_host_starts_no_scheduler(tmp_path: Path) -> None:
    result = _in_a_process(tmp_path, "threads")

    assert result.stdout.strip() == "['MainThread']", result.stderr


def test_a_real_process_prints_one_document_and_no_traceback(tmp_path: Path) -> None:
    before = _in_a_process(tmp_path, "cova", "sync", "--all", "--json")
    made = _in_a_process(tmp_path, "cova", "init-db", "--json")
    after = _in_a_process(tmp_path, "cova", "sync", "--all", "--json")

    assert (before.returncode, made.returncode, after.returncode) == (1, 0, 0)
    assert "init-db" in before.stdout
    assert after.stdout == '{"stores": []}\n'
    for result in (before, made, after):
        assert result.stdout.count("\n") == 1
        assert "Traceback" not in result.stderr


def test_a_bad_key_stops_a_command_with_the_keys_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = _HOST_APP.replace('SECRET_KEY="x"', 'SECRET_KEY="x", COVA_PAGE_SIZE="many"')
    monkeypatch.setitem(globals(), "_HOST_APP", module)

    result = _in_a_process(tmp_path, "cova", "doctor", "--json")

    assert result.returncode != 0
    assert "COVA_PAGE_SIZE must be a whole number" in result.stdout + result.stderr
