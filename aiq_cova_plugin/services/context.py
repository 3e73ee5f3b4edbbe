"""What every service needs: the host, the database, the clock, a way to reach COVA."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from blinker import NamedSignal

from aiq_cova_plugin.clock import Clock
from aiq_cova_plugin.config import Config
from aiq_cova_plugin.cova.client import CovaClient
from aiq_cova_plugin.cova.credentials import CovaCredentials
from aiq_cova_plugin.host import Host
from aiq_cova_plugin.services.crew import Crew
from aiq_cova_plugin.store.database import Database
from aiq_cova_plugin.store.leases import Leases
from aiq_cova_plugin.store.schedule import Schedule
from aiq_cova_plugin.vault import Vault

log = logging.getLogger("aiq_cova_plugin")


@dataclass(frozen=True)
class ServiceContext:
    """Built once per app by `wiring`; tests replace single members with `dataclasses.replace`.

    `open_client(credentials, is_trial=…)` gives a client for one store; a trial
    one neither reads nor leaves tokens in the database.
    """

    config: Config
    clock: Clock
    host: Host
    database: Database
    vault: Vault
    leases: Leases
    schedule: Schedule
    worker_id: str
    open_client: Callable[..., CovaClient]
    sleep: Callable[[float], None]
    sender: Callable[[], Any]
    crews: dict[str, Crew] = field(default_factory=dict)
    """This process's threads for what is due, made when they are first needed."""
    telling: threading.Lock = field(default_factory=threading.Lock)
    """Held while this process tells the host of alerts: a receiver that hangs costs one thread."""
    marks: set[str] = field(default_factory=set)
    """What this process has noted once: outages already logged, start-up work already done."""

    def emit(self, signal: NamedSignal, **keywords: Any) -> None:
        """Send one of our signals; a listener that fails is logged and changes nothing."""
        try:
            signal.send(self.sender(), **keywords)
        except Exception:  # a stranger's listener must not undo our work
            log.exception("signal_listener_failed", extra={"signal_name": signal.name})

    def went_down(self, name: str) -> None:
        """Log an outage once, with its traceback; not again until `came_back`."""
        if name not in self.marks:
            self.marks.add(name)
            log.error("outage_began", extra={"outage": name}, exc_info=True)  # noqa: LOG014 - called while handling

    def came_back(self, name: str) -> None:
        """Log once that an outage is over."""
        if name in self.marks:
            self.marks.discard(name)
            log.warning("outage_ended", extra={"outage": name})


__all__ = ["CovaClient", "CovaCredentials", "ServiceContext", "log"]
