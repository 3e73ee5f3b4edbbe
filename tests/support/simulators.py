"""Simulators that start quickly: most tests have one of their own."""

from __future__ import annotations

from itertools import count
from types import TracebackType
from typing import Any

from flask import Flask

from aiq_cova_plugin.simulator import Account, Simulator
from aiq_cova_plugin.simulator.app import create_app
from aiq_cova_plugin.simulator.world import attach, the_world

# The budget of calls is kept per company and process: with a company of its own, no test uses
# up the calls of another, or inherits its 429.
_company_ids = count(910_001)


def new_simulator(*, products: int = 40, **more: Any) -> Simulator:
    """A simulator of a company that no other test talks to."""
    account = Account(company_id=next(_company_ids), username=f"api-user-{next(_company_ids)}")
    return QuickSimulator(products=products, account=account, **more)


class QuickSimulator(Simulator):
    """Takes over the app of one that has ended: building it costs more than all else.

    The app keeps nothing. The world, the port and the server are new every time.
    """

    _spare: list[Flask] = []  # noqa: RUF012 - shared on purpose

    def _make_app(self) -> Flask:
        if not self._spare:
            return create_app(self._world)
        app = self._spare.pop()
        with app.app_context():
            self._world.faults.operations = the_world().faults.operations
        attach(app, self._world)
        return app

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        super().__exit__(kind, error, traceback)
        # Nobody starts it again.
        self._spare.append(self._app)
        del self._app
