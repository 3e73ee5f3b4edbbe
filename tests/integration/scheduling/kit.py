"""One process of several on a database, with a clock that moves when somebody waits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from aiq_cova_plugin.clock import FixedClock
from aiq_cova_plugin.cova.client import CovaClient
from aiq_cova_plugin.receivers import Receivers
from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.services.stores import credentials_of, load_connection
from aiq_cova_plugin.simulator import Simulator
from aiq_cova_plugin.wiring import build_services

from tests.support.connected import connection_of, settings_for
from tests.support.shop import Shop


@dataclass
class Process:
    """An app of its own on the shared database; its store s1 is connected."""

    shop: Shop

    @classmethod
    @contextmanager
    def running(
        cls, database_url: str, sim: Simulator, clock: FixedClock, **config: Any
    ) -> Iterator[Process]:
        shop = Shop(database_url, **settings_for(sim) | config)
        state = shop.app.extensions["cova"]
        state.services = build_services(
            shop.app,
            db=shop.db,
            host=shop.host,
            config=state.services.config,
            clock=clock,
            sleep=clock.advance,
        )
        state.receivers = Receivers(shop.app, state.services)
        state.receivers.connect()
        try:
            shop.cova.connect_store(
                shop.app,
                "s1",
                check=False,
                enabled=True,
                sync_orders=True,
                integrator_id=sim.integrator_id,
                **connection_of(sim),
            )
            yield cls(shop)
        finally:
            shop.close()

    @property
    def ctx(self) -> ServiceContext:
        services: ServiceContext = self.shop.services
        return services

    @contextmanager
    def client(self) -> Iterator[CovaClient]:
        """The client this process uses for store s1."""
        with self.shop.app.app_context():
            row = load_connection(self.ctx, "s1")
            assert row is not None
            with self.ctx.open_client(credentials_of(self.ctx, row)) as client:
                yield client
