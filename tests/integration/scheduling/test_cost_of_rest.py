"""What it costs the database when nothing happens: most ticks, and most syncs.

The numbers are written down so that whoever adds a statement or a transaction sees it. Lower
ones are welcome; a higher one wants a reason. A written transaction is one whose commit waits
for the disk.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest
import sqlalchemy as sa

from aiq_cova_plugin.services.run_due import run_due_catalogue_jobs, run_due_order_jobs
from aiq_cova_plugin.simulator import Simulator

from tests.support.connected import ConnectedShop, connected_shop


@dataclass
class Cost:
    """Statements, transactions, and those of them that wrote something."""

    statements: int = 0
    transactions: int = 0
    written: int = 0


@pytest.fixture
def shop(sqlite_url: str, sim: Simulator) -> Iterator[ConnectedShop]:
    with connected_shop(sqlite_url, sim) as connected:
        yield connected


@contextmanager
def counted(shop: ConnectedShop) -> Iterator[Cost]:
    """Count what the block asks of the database."""
    cost, writing = Cost(), set[int]()

    def after_statement(connection: Any, cursor: Any, text: str, *_: Any) -> None:
        cost.statements += 1
        # A statement that found nothing to change leaves nothing to be kept on the disk.
        if not text.lstrip().upper().startswith("SELECT") and cursor.rowcount != 0:
            writing.add(id(connection))

    def on_commit(connection: Any) -> None:
        cost.transactions += 1
        cost.written += id(connection) in writing
        writing.discard(id(connection))

    with shop.shop.app.app_context():
        engine = shop.shop.db.engine
    sa.event.listen(engine, "after_cursor_execute", after_statement)
    sa.event.listen(engine, "commit", on_commit)
    try:
        yield cost
    finally:
        sa.event.remove(engine, "after_cursor_execute", after_statement)
        sa.event.remove(engine, "commit", on_commit)


def tick(shop: ConnectedShop) -> int:
    """What every worker does every few seconds; how many jobs were due. Without threads, so
    that the numbers are the same each time."""
    services = shop.shop.services
    alone = replace(services, config=replace(services.config, workers=1), crews={})
    with shop.shop.app.app_context():
        return run_due_order_jobs(alone) + run_due_catalogue_jobs(alone)


def test_a_tick_with_nothing_due_writes_nothing(shop: ConnectedShop) -> None:
    while tick(shop):
        pass

    with counted(shop) as cost:
        assert tick(shop) == 0

    assert cost == Cost(statements=4, transactions=3, written=0)


def test_a_sync_that_finds_nothing_new_writes_little(shop: ConnectedShop) -> None:
    shop.sync(full=True)
    shop.sync()

    with counted(shop) as cost:
        report = shop.sync()

    assert (report.status, report.updated) == ("succeeded", 0)
    assert cost == Cost(statements=29, transactions=20, written=7)


def test_an_hour_in_which_nothing_happens(shop: ConnectedShop) -> None:
    """Sixty looks for alarms, twelve sweeps, six syncs."""
    while tick(shop):
        pass

    with counted(shop) as cost:
        for _ in range(60):
            shop.clock.advance(60)
            tick(shop)

    assert cost == Cost(statements=1408, transactions=746, written=207)
