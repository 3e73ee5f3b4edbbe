"""A worker process, as far as the plugin can tell: an identity, a client, and a sudden end."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.wiring import build_services

if TYPE_CHECKING:
    from tests.simulation.stage import Stage


class WorkerDied(BaseException):
    """This worker was killed. No `except Exception` sees it; nothing is tidied up."""


@dataclass
class Worker:
    """One worker. Once dead it writes nothing more, whatever its `finally` blocks try."""

    name: str
    ctx: ServiceContext
    is_dead: bool = False
    dies_after: int | None = None
    """So many database statements until it is killed; None when nobody means to."""

    @classmethod
    def start(cls, stage: Stage, name: str) -> Worker:
        shop = stage.shop
        built = build_services(
            shop.app,
            db=shop.db,
            host=shop.host,
            config=shop.services.config,
            clock=stage.clock,
            sleep=stage.clock.advance,
        )
        opened = built.open_client

        def open_client(*args: Any, **options: Any) -> Any:
            return put_on_the_wire(stage, opened(*args, **options))

        return cls(name, dataclasses.replace(built, open_client=open_client))


def put_on_the_wire(stage: Stage, client: Any) -> Any:
    """The real client; only its socket is the world's."""
    assert stage.adapter is not None
    # Nobody's proxy is on this wire; looking for one costs as much as the rest of a call.
    client._transport._session.trust_env = False
    for prefix in ("http://", "https://"):
        client._transport._session.mount(prefix, stage.adapter)
    return client
