"""A worker process of its own, to be killed or raced: `python -m tests.integration.orders.worker`.

Reads one JSON document from stdin: `database_url`, `config`, and `until`, which is `once` (one
push), `drained` (until no order waits) or `polled` (one reading of the statuses). Prints `ready` when the app is up, waits for a line on
stdin, and prints `done` at the end.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from typing import Any

from aiq_cova_plugin.cova.client import build_client
from aiq_cova_plugin.cova.endpoints import CovaEndpoints
from aiq_cova_plugin.cova.rate_limit import RateBudget
from aiq_cova_plugin.services.orders.push_orders import push_due_orders
from aiq_cova_plugin.services.statuses.poll_statuses import poll_statuses
from aiq_cova_plugin.store import outbox

from tests.support.shop import Shop

_LONGEST_SECONDS = 150


def main() -> None:
    told: dict[str, Any] = json.loads(sys.stdin.readline())
    shop = Shop(told["database_url"], **told["config"])
    state = shop.app.extensions["cova"]
    config = state.services.config
    budget = RateBudget(calls_per_minute=1_000_000)

    def open_client(credentials: Any, *, is_trial: bool = False) -> Any:
        # The budget is not what is tested; without it the race takes minutes.
        return build_client(
            endpoints=CovaEndpoints(api_url=config.api_url, token_url=config.token_url),
            credentials=credentials,
            budget=budget,
            connect_timeout_seconds=config.connect_timeout_seconds,
            read_timeout_seconds=config.read_timeout_seconds,
        )

    state.services = dataclasses.replace(
        state.services, sleep=lambda _seconds: None, open_client=open_client
    )
    print("ready", flush=True)
    sys.stdin.readline()
    with shop.app.app_context():
        if told["until"] == "polled":
            poll_statuses(state.services, "s1")
            return
        changed = push_due_orders(state.services, "s1").changed
        give_up_at = time.monotonic() + _LONGEST_SECONDS
        while told["until"] == "drained" and _is_waiting(state.services):
            changed += push_due_orders(state.services, "s1").changed
            if time.monotonic() > give_up_at:
                break
            time.sleep(0.05)
    shop.close()
    print(f"done {changed}", flush=True)


def _is_waiting(ctx: Any) -> bool:
    with ctx.database.short() as connection:
        counts = outbox.state_counts(connection, "s1")
    return any(counts.get(state) for state in ("queued", "sending", "checking"))


if __name__ == "__main__":
    main()
