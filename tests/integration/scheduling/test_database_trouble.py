"""The shop's database is locked, gone or full: said plainly, nothing half-done, healed by itself."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
import sqlalchemy as sa

from aiq_cova_plugin.clock import FixedClock
from aiq_cova_plugin.services.run_due import run_due_catalogue_jobs, run_due_order_jobs
from aiq_cova_plugin.simulator import Simulator
from aiq_cova_plugin.store import outbox, runs, schema

from tests.integration.scheduling.kit import Process
from tests.support.postgres import PostgresServer
from tests.support.shop import Shop


@pytest.fixture
def on_sqlite(sqlite_url: str, sim: Simulator, clock: FixedClock) -> Iterator[Process]:
    """A process that waits no longer than a moment for a locked database."""
    engine_options = {"connect_args": {"timeout": 0.2}}
    with Process.running(
        sqlite_url, sim, clock, SQLALCHEMY_ENGINE_OPTIONS=engine_options
    ) as running:
        yield running


@pytest.fixture
def on_postgres(postgres_url: str, sim: Simulator, clock: FixedClock) -> Iterator[Process]:
    with Process.running(postgres_url, sim, clock) as running:
        yield running


def do_everything(process: Process) -> None:
    with process.shop.app.app_context():
        run_due_order_jobs(process.ctx)
        run_due_catalogue_jobs(process.ctx)


def place(process: Process, sim: Simulator, order_id: str = "o1") -> None:
    process.shop.place(order_id, [(sim.ordinary_products(1)[0], "A product", "1", "10.00")])


def state_of(process: Process, order_id: str = "o1") -> str:
    with process.shop.app.app_context(), process.ctx.database.short() as connection:
        push = outbox.push_of_order(connection, "s1", order_id)
    assert push is not None
    return push.state


def statuses(process: Process) -> list[str]:
    with process.shop.app.app_context(), process.ctx.database.short() as connection:
        return [run.status for run in runs.runs_of(connection, "s1", limit=20)]


def heal(process: Process, clock: FixedClock, done: Callable[[], bool]) -> None:
    """Tick on, past every delay and lease, until all is well."""
    for _ in range(30):
        do_everything(process)
        if done():
            return
        clock.advance(60)
    raise AssertionError((state_of(process), statuses(process)))


def assert_all_is_well(process: Process, sim: Simulator) -> None:
    (order,) = sim.orders()
    assert order["received_puts"] == 1
    assert len(process.shop.products()) > 10


# --- locked -----------------------------------------------------------------------------------


@contextmanager
def locked(url: str) -> Iterator[None]:
    """Another process writes and does not come to an end."""
    path = url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path, timeout=5, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.rollback()


@pytest.mark.sqlite("SQLite locks the whole file")
def test_a_locked_sqlite_delays_and_spoils_nothing(
    on_sqlite: Process, sqlite_url: str, sim: Simulator, clock: FixedClock, caplog: Any
) -> None:
    place(on_sqlite, sim)
    with locked(sqlite_url):
        for _ in range(3):
            do_everything(on_sqlite)
            clock.advance(2)

    assert sim.orders() == []
    assert [record.message for record in caplog.records].count("outage_began") >= 1
    heal(
        on_sqlite,
        clock,
        lambda: state_of(on_sqlite) == "in_pos" and "succeeded" in statuses(on_sqlite),
    )
    assert_all_is_well(on_sqlite, sim)


@pytest.mark.sqlite("SQLite locks the whole file")
def test_sqlite_locked_in_the_middle_of_the_work(
    on_sqlite: Process, sqlite_url: str, sim: Simulator, clock: FixedClock
) -> None:
    """It begins while COVA is being asked, with the claim already committed."""
    place(on_sqlite, sim)
    with _when(on_sqlite, sim, "submit_order", lambda: locked(sqlite_url)):
        do_everything(on_sqlite)

    heal(
        on_sqlite,
        clock,
        lambda: state_of(on_sqlite) == "in_pos" and "succeeded" in statuses(on_sqlite),
    )
    assert_all_is_well(on_sqlite, sim)


@pytest.mark.sqlite("SQLite locks the whole file")
def test_a_person_is_told_that_the_database_is_busy(on_sqlite: Process, sqlite_url: str) -> None:
    with locked(sqlite_url):
        result = on_sqlite.shop.run("sync", "--store", "s1", "--json")

    assert result.exit_code != 0
    assert "database is busy" in result.stdout
    assert "Traceback" not in result.output


# --- gone -------------------------------------------------------------------------------------


def end_all_connections(process: Process) -> None:
    """What an administrator, a fail-over or a firewall does."""
    with process.shop.app.app_context():
        url = process.shop.db.engine.url
    other = sa.create_engine(url, poolclass=sa.NullPool)
    with other.connect() as connection:
        connection.execute(
            sa.text(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where datname = current_database() and pid <> pg_backend_pid()"
            )
        )
    other.dispose()


@pytest.mark.postgres
@pytest.mark.parametrize("operation", ["submit_order", "search_customers", "order_status"])
def test_connections_ended_while_an_order_is_sent(
    on_postgres: Process, sim: Simulator, clock: FixedClock, operation: str
) -> None:
    place(on_postgres, sim)
    with _when(on_postgres, sim, operation, lambda: _at_once(end_all_connections, on_postgres)):
        do_everything(on_postgres)

    heal(
        on_postgres,
        clock,
        lambda: state_of(on_postgres) == "in_pos" and "succeeded" in statuses(on_postgres),
    )
    assert_all_is_well(on_postgres, sim)


@pytest.mark.postgres
def test_connections_ended_while_the_menu_is_read(
    on_postgres: Process, sim: Simulator, clock: FixedClock
) -> None:
    with _when(
        on_postgres, sim, "product_page", lambda: _at_once(end_all_connections, on_postgres)
    ):
        do_everything(on_postgres)

    heal_menu(on_postgres, clock)
    assert len(on_postgres.shop.products()) > 10


@pytest.mark.postgres
def test_a_server_that_restarts_is_waited_for(
    on_postgres: Process,
    postgres_server: PostgresServer,
    sim: Simulator,
    clock: FixedClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It goes while the order is on its way, and for some ticks nobody answers."""
    place(on_postgres, sim)
    with _when(on_postgres, sim, "submit_order", postgres_server.away):
        do_everything(on_postgres)
        do_everything(on_postgres)
        result = on_postgres.shop.run("sync", "--store", "s1", "--json")

    assert result.exit_code != 0
    assert "The database does not answer" in result.stdout
    assert "Traceback" not in result.output
    assert [record.message for record in caplog.records].count("outage_began") >= 1
    heal(
        on_postgres,
        clock,
        lambda: state_of(on_postgres) == "in_pos" and "succeeded" in statuses(on_postgres),
    )
    assert_all_is_well(on_postgres, sim)


REFUSED = "do $$ begin raise exception 'played' using errcode = '{}'; end $$"


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("make_it", "said"),
    [
        ("set statement_timeout = '1ms'; select pg_sleep(1)", "broke a statement off"),
        (REFUSED.format("40P01"), "busy with another write"),
        (REFUSED.format("53100"), "disk is full"),
        ("set transaction read only; create table x (id int)", "read-only"),
        ("select * from cova_nothing", "flask cova init-db"),
    ],
    ids=["cancelled", "deadlock", "full", "read-only", "no-table"],
)
def test_what_postgres_refuses_in_the_middle_undoes_the_batch_and_heals(
    on_postgres: Process, clock: FixedClock, make_it: str, said: str
) -> None:
    """The statement that fails is one of the batch that writes products and our record."""
    left = 1

    def fail_once(connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        nonlocal left
        if left and statement.lower().startswith(("insert into cova_product", "update cova_prod")):
            left = 0
            connection.exec_driver_sql(make_it)

    with on_postgres.shop.app.app_context():
        engine = on_postgres.shop.db.engine
    sa.event.listen(engine, "before_cursor_execute", fail_once)
    try:
        result = on_postgres.shop.run("sync", "--store", "s1", "--json")
    finally:
        sa.event.remove(engine, "before_cursor_execute", fail_once)

    assert left == 0, "it never came to that"
    assert result.exit_code != 0
    assert said in result.stdout
    assert "Traceback" not in result.output
    assert _told(on_postgres) == set(on_postgres.shop.products())
    engine.dispose()
    heal_menu(on_postgres, clock)
    assert _told(on_postgres) == set(on_postgres.shop.products())
    assert len(on_postgres.shop.products()) > 10


def _told(process: Process) -> set[str]:
    """The products we remember to have told the shop."""
    with process.shop.app.app_context(), process.ctx.database.short() as connection:
        found = connection.execute(
            sa.text("select cova_product_id from cova_product where host_state = 'shown'")
        )
        return set(found.scalars())


def heal_menu(process: Process, clock: FixedClock) -> None:
    for _ in range(30):
        do_everything(process)
        if "succeeded" in statuses(process):
            return
        clock.advance(60)
    raise AssertionError(statuses(process))


@contextmanager
def _at_once(act: Callable[[Process], None], process: Process) -> Iterator[None]:
    act(process)
    yield


@contextmanager
def _when(
    process: Process, sim: Simulator, operation: str, happens: Callable[[], Any]
) -> Iterator[None]:
    """Let something begin right after COVA has answered the first call of that kind."""
    from dataclasses import replace

    state = process.shop.app.extensions["cova"]
    services = state.services
    entered: list[Any] = []

    def open_watched(*args: Any, **options: Any) -> Any:
        client = services.open_client(*args, **options)
        call = getattr(client, operation)

        def watched(*call_args: Any, **call_options: Any) -> Any:
            answer = call(*call_args, **call_options)
            if not entered:
                block = happens()
                entered.append(block)
                block.__enter__()
            return answer

        setattr(client, operation, watched)
        return client

    state.services = replace(services, open_client=open_watched)
    try:
        yield
    finally:
        state.services = services
        for block in entered:
            block.__exit__(None, None, None)
    assert entered, "it never came to that"


# --- full -------------------------------------------------------------------------------------


@contextmanager
def full_disk(process: Process) -> Iterator[None]:
    """SQLite may not grow by a single page: what a full disk means to it."""
    with process.shop.app.app_context():
        engine = process.shop.db.engine

    def cap(connection: Any, _record: Any) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")

    with process.shop.app.app_context():
        process.shop.db.session.remove()
    engine.dispose()
    sa.event.listen(engine, "connect", cap)
    try:
        yield
    finally:
        sa.event.remove(engine, "connect", cap)
        engine.dispose()


@pytest.mark.sqlite("a full disk is played with a limit of SQLite's")
def test_a_full_disk_spoils_nothing_and_heals(
    on_sqlite: Process, sim: Simulator, clock: FixedClock
) -> None:
    place(on_sqlite, sim)
    with full_disk(on_sqlite):
        for _ in range(3):
            do_everything(on_sqlite)
            clock.advance(60)
        products = on_sqlite.shop.products()
        with on_sqlite.shop.app.app_context(), on_sqlite.ctx.database.short() as connection:
            ours = connection.execute(
                sa.text("select count(*) from cova_product where host_state = 'shown'")
            ).scalar_one()
    # What we remember to have told the shop is what the shop has, whatever was cut off.
    assert ours == len(products)

    heal(
        on_sqlite,
        clock,
        lambda: state_of(on_sqlite) == "in_pos" and "succeeded" in statuses(on_sqlite),
    )
    assert_all_is_well(on_sqlite, sim)


@pytest.mark.sqlite("a full disk is played with a limit of SQLite's")
def test_a_full_disk_is_named(on_sqlite: Process) -> None:
    with full_disk(on_sqlite):
        result = on_sqlite.shop.run("sync", "--store", "s1", "--json")

    assert result.exit_code != 0
    assert "Traceback" not in result.output
    assert "full" in result.stdout.lower()


# --- the tables -------------------------------------------------------------------------------


def test_an_upgrade_that_fails_halfway_leaves_the_old_tables(empty_database_url: str) -> None:
    engine = sa.create_engine(empty_database_url)
    schema.upgrade(engine, "0001")
    before = _columns(engine)
    with engine.begin() as connection:
        # Something of this name stands in the way, in the middle of the second migration.
        connection.execute(sa.text("create table cova_report (id integer)"))

    with pytest.raises(sa.exc.DBAPIError):
        schema.upgrade(engine)

    with engine.connect() as connection:
        assert schema.current_revision(connection) == "0001"
    assert _columns(engine) == before | {("cova_report", "id")}
    with engine.begin() as connection:
        connection.execute(sa.text("drop table cova_report"))
    schema.upgrade(engine)
    schema.check_models_match(engine)
    engine.dispose()


def _columns(engine: sa.Engine) -> set[tuple[str, str]]:
    found = sa.inspect(engine)
    return {
        (table, column["name"])
        for table in found.get_table_names()
        for column in found.get_columns(table)
    }


def test_work_begins_by_itself_once_the_tables_are_there(
    database_url: str, sim: Simulator, clock: FixedClock
) -> None:
    """A process that ticks before `init-db` ran says so once, and needs no restart."""
    with Process.running(database_url, sim, clock) as process:
        shop: Shop = process.shop
        place(process, sim)
        with shop.app.app_context(), shop.db.engine.begin() as connection:
            connection.execute(sa.text("alter table cova_push rename to put_away"))
        do_everything(process)
        with shop.app.app_context(), shop.db.engine.begin() as connection:
            connection.execute(sa.text("alter table put_away rename to cova_push"))

        heal(
            process,
            clock,
            lambda: state_of(process) == "in_pos" and "succeeded" in statuses(process),
        )
        assert_all_is_well(process, sim)
