"""Switches and faults over the control interface."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from flask import Blueprint, Response, request

from .faults import ACTIONS
from .wire import ApiError, answer, parse_object
from .world import the_world

blueprint = Blueprint("control_faults", __name__, url_prefix="/_simulator")


@blueprint.get("/switches")
def switches() -> Response:
    """All switches with their settings."""
    return answer(the_world().switches.to_dict())


@blueprint.post("/switches")
def set_switches() -> Response:
    """Set the switches named in the body; 400 names a bad one and sets none."""
    world = the_world()
    body = parse_object(request.get_data())
    try:
        world.switches.update({key: _number(value) for key, value in body.items()})
    except ValueError as exc:
        raise ApiError(400, str(exc)) from exc
    return answer(world.switches.to_dict())


@blueprint.get("/faults")
def faults() -> Response:
    """The rules in force and the actions there are."""
    rules = [rule.to_dict() for rule in the_world().faults.rules()]
    return answer({"faults": rules, "actions": list(ACTIONS)})


@blueprint.post("/faults")
def add_fault() -> Response:
    """Add a rule; the body has the arguments of `Faults.add`."""
    body = {key: _number(value) for key, value in parse_object(request.get_data()).items()}
    if "action" not in body:
        raise ApiError(400, "action is required.")
    try:
        fault = the_world().faults.add(**body)
    except (TypeError, ValueError) as exc:
        raise ApiError(400, str(exc)) from exc
    return answer(fault.to_dict(), 201)


@blueprint.delete("/faults")
def clear_faults() -> Response:
    """Take all rules away and let hanging calls go on."""
    the_world().faults.clear()
    return answer({"ok": True})


@blueprint.delete("/faults/<int:fault_id>")
def remove_fault(fault_id: int) -> Response:
    """Take one rule away."""
    if not the_world().faults.remove(fault_id):
        raise ApiError(404, "There is no such fault.")
    return answer({"ok": True})


def _number(value: Any) -> Any:
    """Exact numbers of the body as floats: these are seconds, not money."""
    return float(value) if isinstance(value, Decimal) else value
