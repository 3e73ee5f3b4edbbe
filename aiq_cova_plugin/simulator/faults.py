"""Faults on purpose: which call fails, how often and how (section 12.1, item 7).

A fault is chosen by the operation's name or by method and path, or by the user who calls: a
username ending in `+slow` (see `SCENARIOS`) has its fault on every call.
"""

from __future__ import annotations

import itertools
import re
import threading
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

Action = Literal[
    "status",
    "rate_limited",
    "server_error",
    "bad_gateway",
    "unavailable",
    "forbidden",
    "unauthorized",
    "delay",
    "timeout_before_effect",
    "timeout_after_effect",
    "reset_before",
    "reset_after",
    "garbage",
    "truncated",
    "empty_page",
    "extra_keys",
    "nulls",
    "transient_failure",
    "non_transient_failure",
]
ACTIONS: tuple[str, ...] = get_args(Action)
#: Spellings that mean the same action.
_ALIASES = {"delay_seconds": "delay"}
#: Actions whose work is not done: the call fails before it has an effect.
BEFORE_EFFECT = frozenset(
    {
        "status",
        "rate_limited",
        "server_error",
        "bad_gateway",
        "unavailable",
        "forbidden",
        "unauthorized",
        "timeout_before_effect",
        "reset_before",
    }
)
#: Long enough for every client's read timeout; a stop of the server ends it at once.
HANG_SECONDS = 300.0


@dataclass(kw_only=True)
class Fault:
    """One rule. `times` None means for ever; the first `skip` matching calls pass unharmed.

    `status`, `body`, `headers` and `retry_after` shape a refusal, `seconds` a wait, `keys` the
    properties that `nulls` empties, `message` the text of a `non_transient_failure`.
    """

    id: int
    action: str
    operation: str | None = None
    method: str | None = None
    path: str | None = None
    username: str | None = None
    times: int | None = 1
    skip: int = 0
    status: int | None = None
    body: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    retry_after: int | None = None
    seconds: float | None = None
    keys: tuple[str, ...] = ()
    message: str | None = None
    hits: int = 0

    def matches(self, *, operation: str, method: str, path: str, username: str | None) -> bool:
        """Whether this call is meant; what the rule leaves open matches everything."""
        return (
            self.operation in (None, operation)
            and (self.method is None or self.method.upper() == method)
            and (self.path is None or re.search(self.path, path, re.IGNORECASE) is not None)
            and self.username in (None, username)
        )

    def to_dict(self) -> dict[str, Any]:
        """The rule as JSON values."""
        return {**asdict(self), "keys": list(self.keys)}


SCENARIOS: dict[str, dict[str, Any]] = {
    "slow": {"action": "delay", "seconds": 2.0},
    "hanging": {"action": "timeout_before_effect"},
    "limited": {"action": "rate_limited"},
    "broken": {"action": "server_error"},
    "gateway": {"action": "bad_gateway"},
    "unavailable": {"action": "unavailable"},
    "forbidden": {"action": "forbidden"},
    "unauthorized": {"action": "unauthorized"},
    "garbage": {"action": "garbage"},
    "reset": {"action": "reset_before"},
    "extra": {"action": "extra_keys"},
}


def scenario_of(username: str | None) -> str | None:
    """The word after the plus of a username, when it is one of `SCENARIOS`."""
    if username is None or "+" not in username:
        return None
    word = username.rpartition("+")[2].lower()
    return word if word in SCENARIOS else None


class Faults:
    """The rules in force. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[Fault] = []
        self._ids = itertools.count(1)
        self._wake = threading.Event()
        self._is_stopped = False
        #: The operations there are, told by the app; empty accepts any name.
        self.operations: frozenset[str] = frozenset()

    def add(
        self,
        operation: str | None = None,
        *,
        action: str,
        times: int | None = 1,
        **params: Any,
    ) -> Fault:
        """Add a rule and return it; raises ValueError for an unknown name in it."""
        action = _ALIASES.get(action, action)
        if action not in ACTIONS:
            raise ValueError(f"There is no fault named {action}; there are {', '.join(ACTIONS)}.")
        if operation is not None and self.operations and operation not in self.operations:
            raise ValueError(
                f"There is no operation {operation}; there are {', '.join(sorted(self.operations))}."
            )
        unknown = set(params) - set(Fault.__dataclass_fields__)
        if unknown:
            raise ValueError(f"A fault has no parameter {', '.join(sorted(unknown))}.")
        if params.get("path") is not None:
            try:
                re.compile(params["path"])
            except re.error as exc:
                raise ValueError(f"The path is no regular expression: {exc}.") from exc
        if "keys" in params:
            params["keys"] = tuple(params["keys"])
        with self._lock:
            fault = Fault(
                id=next(self._ids), action=action, operation=operation, times=times, **params
            )
            self._rules.append(fault)
            return fault

    def remove(self, fault_id: int) -> bool:
        """Take one rule away; False when there was none with that id."""
        with self._lock:
            before = len(self._rules)
            self._rules = [rule for rule in self._rules if rule.id != fault_id]
            return len(self._rules) < before

    def clear(self) -> None:
        """Take all rules away and let every call that hangs go on."""
        with self._lock:
            self._rules.clear()
            wake, self._wake = self._wake, threading.Event()
            if self._is_stopped:
                self._wake.set()
        wake.set()

    def rules(self) -> list[Fault]:
        """The rules in force, oldest first."""
        with self._lock:
            return list(self._rules)

    def take(self, *, operation: str, method: str, path: str, username: str | None) -> Fault | None:
        """The fault for this call, counted, or None; a rule that is used up is dropped."""
        with self._lock:
            for rule in self._rules:
                if not rule.matches(
                    operation=operation, method=method, path=path, username=username
                ):
                    continue
                if rule.skip > 0:
                    rule.skip -= 1
                    continue
                rule.hits += 1
                if rule.times is not None:
                    rule.times -= 1
                    if rule.times <= 0:
                        self._rules.remove(rule)
                return rule
        scenario = scenario_of(username)
        # Getting the token must work, or a scenario could never reach the calls it is about.
        if scenario is None or operation == "token":
            return None
        return Fault(id=0, times=None, **SCENARIOS[scenario])

    def wait(self, seconds: float) -> None:
        """Hang for that long, or until the faults are cleared or the server stops."""
        with self._lock:
            wake = self._wake
        wake.wait(seconds)

    def stop(self) -> None:
        """Let every call that hangs go on, and none hang any more."""
        with self._lock:
            self._is_stopped = True
            self._wake.set()

    def resume(self) -> None:
        """Allow hanging again after a `stop`."""
        with self._lock:
            self._is_stopped = False
            self._wake = threading.Event()
