"""COVA's wire protocol on localhost, with a shop behind it: for tests and demonstrations.

Built from the vendor's document alone (`cova-api.md`) and apart from the client, so that both
cannot share one misreading. It imports nothing of `aiq_cova_plugin` outside this folder.

    with Simulator(products=400, seed=1) as sim:
        connect_to(sim.url, **sim.connection())
        sim.register.set_stock(sim.ordinary_products(1)[0], 3)
"""

from .account import Account, Location, Room
from .clock import SimulatorClock
from .faults import ACTIONS as FAULT_ACTIONS
from .faults import SCENARIOS, Fault, Faults
from .orders import OrderStatus, PaymentStatus
from .register import Register
from .sales import Refusal
from .server import Simulator, run_simulator, serve_forever
from .state import State
from .switches import Switches

__all__ = [
    "FAULT_ACTIONS",
    "SCENARIOS",
    "Account",
    "Fault",
    "Faults",
    "Location",
    "OrderStatus",
    "PaymentStatus",
    "Refusal",
    "Register",
    "Room",
    "Simulator",
    "SimulatorClock",
    "State",
    "Switches",
    "run_simulator",
    "serve_forever",
]
