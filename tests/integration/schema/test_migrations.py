"""The plugin's tables: up, down and up again, alone in the host's database."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from aiq_cova_plugin.store import schema
from aiq_cova_plugin.store.models import VERSION_TABLE, Base

from tests.integration.schema.hosts import host_app
from tests.support.shop import Base as HostBase

_REPOSITORY = Path(__file__).parents[3]
OURS = {table.name for table in Base.metadata.sorted_tables} | {VERSION_TABLE}


@pytest.fixture
def engine(database_url: str) -> Iterator[sa.Engine]:
    engine = sa.create_engine(database_url)
    yield engine
    engine.dispose()


def _tables(engine: sa.Engine) -> set[str]:
    return set(sa.inspect(engine).get_table_names())


def test_up_down_and_up_again(engine: sa.Engine) -> None:
    before, head = schema.upgrade(engine)
    assert before is None
    assert head is not None
    assert _tables(engine) == OURS
    assert schema.is_up_to_date(engine)

    schema.downgrade(engine)
    assert _tables(engine) <= {VERSION_TABLE}
    assert not schema.is_up_to_date(engine)

    assert schema.upgrade(engine) == (None, head)
    assert _tables(engine) == OURS
    assert schema.upgrade(engine) == (head, head), "a second time there is nothing to do"


def test_migrations_make_exactly_what_the_models_say(engine: sa.Engine) -> None:
    schema.upgrade(engine)

    schema.check_models_match(engine)


def test_a_model_that_migrations_do_not_know_would_be_noticed(engine: sa.Engine) -> None:
    schema.upgrade(engine)
    with engine.begin() as connection:
        connection.execute(sa.text("alter table cova_run add column forgotten integer"))

    with pytest.raises(Exception, match="forgotten"):
        schema.check_models_match(engine)


def test_constraints_and_indexes_are_the_same_made_either_way(
    engine: sa.Engine, tmp_path: Path
) -> None:
    """Alembic does not compare check constraints; what protects the data must be there."""
    schema.upgrade(engine)
    inspector = sa.inspect(engine)

    for table in Base.metadata.sorted_tables:
        wanted = {
            str(each.name) for each in table.constraints if isinstance(each, sa.CheckConstraint)
        }
        found = {str(each["name"]) for each in inspector.get_check_constraints(table.name)}
        assert wanted <= found, table.name
        assert {str(index.name) for index in table.indexes} == {
            str(index["name"])
            for index in inspector.get_indexes(table.name)
            if not index.get("duplicates_constraint")
        }, table.name


def test_the_hosts_own_tables_are_left_alone(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        HostBase.metadata.create_all(connection)
    hosts = _tables(engine)

    schema.upgrade(engine)
    schema.check_models_match(engine)
    schema.downgrade(engine)

    assert _tables(engine) - {VERSION_TABLE} == hosts


def test_a_migration_that_fails_leaves_nothing_half_done(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text("create table cova_run (id integer)"))

    with pytest.raises(sa.exc.DBAPIError):
        schema.upgrade(engine)

    assert _tables(engine) <= {"cova_run", VERSION_TABLE}
    with engine.connect() as connection:
        assert schema.current_revision(connection) is None


def test_many_workers_may_upgrade_at_once(database_url: str) -> None:
    """Every process of a deployment runs `init-db` on start; one does it, the others wait."""
    start = threading.Barrier(5)

    def upgrade(_number: int) -> tuple[str | None, str | None]:
        engine = sa.create_engine(database_url)
        try:
            start.wait(timeout=20)
            return schema.upgrade(engine)
        finally:
            engine.dispose()

    with ThreadPoolExecutor(5) as pool:
        results = list(pool.map(upgrade, range(5)))

    assert [before for before, _after in results].count(None) == 1
    assert len({after for _before, after in results}) == 1


# --- the host's own migrations --------------------------------------------------------------------


_GENERATE = """
import warnings
import sqlalchemy as sa
from flask_migrate import init, migrate, upgrade
from aiq_cova_plugin import CovaPlugin
from tests.integration.schema.hosts import host_app

app, db = host_app({url!r}, migrate_first={migrate_first!r})
CovaPlugin().upgrade_database(app)
with app.app_context():
    init(directory={folder!r})
    migrate(directory={folder!r}, message="first")
    upgrade(directory={folder!r})
    print(sorted(sa.inspect(db.engine).get_table_names()))
"""


@pytest.mark.parametrize("migrate_first", [True, False], ids=["before us", "after us"])
def test_the_hosts_autogenerate_does_not_see_our_tables(
    sqlite_url: str, tmp_path: Path, migrate_first: bool
) -> None:
    """Without the shield it would write `drop_table` for every one of them."""
    folder = tmp_path / "migrations"
    script = _GENERATE.format(url=sqlite_url, folder=str(folder), migrate_first=migrate_first)

    # In a process of its own, since Flask-Migrate's `env.py` switches all loggers off.
    done = subprocess.run(
        [sys.executable, "-c", script],
        check=False, capture_output=True, text=True, timeout=50, cwd=_REPOSITORY,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    (migration,) = (folder / "versions").glob("*.py")
    assert "host_thing" in migration.read_text()
    assert "cova_" not in migration.read_text()
    assert all(name in done.stdout for name in OURS)


def test_a_rule_of_the_hosts_own_is_still_asked(sqlite_url: str) -> None:
    asked = []

    def rule(name: str | None, kind: str, _parents: Any) -> bool:
        asked.append(name)
        return name != "private_of_the_host"

    app, _db = host_app(sqlite_url, migrate_first=True, include_name=rule)
    include_name = app.extensions["migrate"].configure_args["include_name"]

    assert include_name("host_thing", "table", {})
    assert not include_name("private_of_the_host", "table", {})
    assert not include_name("cova_run", "table", {})
    assert include_name("cova_like_column", "column", {})
    assert "cova_run" not in asked


def test_the_hosts_create_all_makes_none_of_ours(sqlite_url: str) -> None:
    app, db = host_app(sqlite_url, migrate_first=True)

    with app.app_context():
        db.create_all()
        assert _tables(db.engine) == {"host_thing"}
        db.engine.dispose()


def test_rows_of_the_version_before_are_carried_over(engine: sa.Engine) -> None:
    """A shop that runs already keeps its settings, with the new ones at their defaults."""
    schema.upgrade(engine, "0001")
    metadata = sa.MetaData()
    metadata.reflect(engine)
    moment = datetime(2026, 11, 20, 9, 30)  # noqa: DTZ001 - as the column keeps it, UTC
    with engine.begin() as connection:
        connection.execute(
            metadata.tables["cova_connection"].insert(),
            {
                "store_id": "harbour",
                "enabled": True,
                "was_enabled": True,
                "sync_orders": True,
                "username": "someone",
                "client_id": "HARBOUR.AIQ",
                "check_message": "",
                "staff_fields": ["description"],
                "address_policy": "add",
                "status_map": {},
                "settings_version": 3,
                "created_at": moment,
                "updated_at": moment,
            },
        )

    schema.upgrade(engine)

    with engine.connect() as connection:
        row = connection.execute(sa.select(Base.metadata.tables["cova_connection"])).one()
    assert row.staff_fields == ["description"]
    assert row.address_policy == "add"
    assert row.erasable_fields == []
    assert row.specification_names == {}
    assert (row.guard_percent, row.guard_at_least) == (30, 20)

    schema.downgrade(engine, "0001")
    with engine.connect() as connection:
        assert connection.execute(
            sa.text("select address_policy from cova_connection")
        ).scalar_one() == ("add")
