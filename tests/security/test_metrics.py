"""What monitoring reads is well-formed, complete, and cheap however many stores there are."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from aiq_cova_plugin.services.watch.alerts import watch
from aiq_cova_plugin.services.watch.health import health_of
from aiq_cova_plugin.services.watch.metrics import metrics_text
from aiq_cova_plugin.store.connections import save_connection

from tests.security.journey import push
from tests.support.connected import ConnectedShop

SAMPLE = re.compile(
    r"(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)"
    r'(?:\{(?P<labels>(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\\\|\\"|\\n)*",?)*)\})?'
    r" (?P<value>-?(?:\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|Inf|NaN))"
)


def parsed(text: str) -> dict[str, dict[str, float]]:
    """Prometheus' text format 0.0.4, strictly: dict: name → labels as written → value."""
    assert text.endswith("\n")
    found: dict[str, dict[str, float]] = {}
    current, helped = "", set()
    for line in text.splitlines():
        if line.startswith("# HELP "):
            name = line.split(" ", 3)[2]
            assert name not in helped, f"{name} twice"
            helped.add(name)
        elif line.startswith("# TYPE "):
            _hash, _type, current, kind = line.split(" ")
            assert kind == "gauge"
            assert current in helped
        else:
            sample = SAMPLE.fullmatch(line)
            assert sample is not None, line
            assert sample["name"] == current, "samples stand together, below their type"
            values = found.setdefault(current, {})
            assert (sample["labels"] or "") not in values, line
            values[sample["labels"] or ""] = float(sample["value"])
    return found


def metrics(shop: ConnectedShop) -> dict[str, dict[str, float]]:
    with shop.shop.app.app_context():
        return parsed(metrics_text(shop.shop.services))


def test_the_metrics_say_freshness_lag_queue_errors_and_alerts(shop: ConnectedShop) -> None:
    shop.sync()
    shop.shop.place("o1", [(shop.ordinary()[0], "x", "1", "1.00")])
    # An order is queued at the shop's own time, which is the machine's.
    shop.clock.advance(timedelta(minutes=40).total_seconds())
    with shop.shop.app.app_context():
        watch(shop.shop.services)
    found = metrics(shop)
    one = 'store="s1"'

    assert found["cova_up"][""] == 1
    assert found["cova_sync_age_seconds"][one] == pytest.approx(2400, abs=5)
    assert found["cova_store_fresh"][one] == 0
    assert found["cova_schedule_lag_seconds"][one] > 0
    assert (found["cova_runs_last_hour"][one], found["cova_failed_runs_last_hour"][one]) == (1, 0)
    assert found["cova_order_queue_depth"][one] == 1
    assert found["cova_order_queue_age_seconds"][one] == pytest.approx(2400, abs=60)
    assert found["cova_orders_late"][one] == 1
    assert found["cova_open_alerts"][one] == 2

    push(shop)
    shop.sim.faults.add("product_data_updated", action="forbidden", times=9)
    shop.sync()
    found = metrics(shop)
    assert found["cova_orders_in_pos"][one] == 1
    assert found["cova_failed_runs_last_hour"][one] == 1
    assert any("covaorderintake" in labels for labels in found["cova_quota_left"])


def test_labels_are_escaped(shop: ConnectedShop) -> None:
    hostile = 'a"b\\c\nd{e="f"}'
    with shop.shop.app.app_context(), shop.shop.services.database.short() as connection:
        save_connection(connection, hostile, {"enabled": True}, now=shop.clock.now())

    labels = metrics(shop)["cova_store_fresh"]

    assert len(labels) == 2


def test_a_thousand_stores_cost_no_more_statements_than_one(shop: ConnectedShop) -> None:
    counted: list[str] = []

    def count(_c: Any, _cursor: Any, text: str, _v: Any, _x: Any, _m: Any) -> None:
        counted.append(text)

    with shop.shop.app.app_context():
        services, engine = shop.shop.services, shop.shop.db.engine
        sa.event.listen(engine, "before_cursor_execute", count)
        health_of(services)
        few = len(counted)
        with services.database.short() as connection:
            for number in range(1000):
                values = {"enabled": True, "check_ok": True}
                save_connection(connection, f"n{number}", values, now=shop.clock.now())
        counted.clear()
        document = health_of(services)
        many = len(counted)
        sa.event.remove(engine, "before_cursor_execute", count)

    assert len(document["stores"]) == 1001
    assert many == few <= 16


def test_down_is_one_line_of_zero(shop: ConnectedShop) -> None:
    with shop.shop.app.app_context(), shop.shop.services.database.short() as connection:
        connection.exec_driver_sql("alter table cova_connection rename to away")

    assert metrics(shop) == {"cova_up": {"": 0}}
