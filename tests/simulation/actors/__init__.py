"""Everybody who does something: register, shoppers, cashiers, staff, and bad luck.

Each function is one act with plain arguments, so that the seeded scheduler and Hypothesis
play the same acts. An index stands for "one of them": it is taken modulo how many there are.
What cannot be done just now is not done, and the act says so by answering False.
"""

from tests.simulation.actors.cashiers import (
    cashier_cancels,
    cashier_completes,
    cashier_prepares,
)
from tests.simulation.actors.luck import (
    cova_clock_is_wrong,
    next_call_meets,
    other_worker_ticks,
    outage,
    storm,
    unreliable,
    worker_dies,
)
from tests.simulation.actors.register import (
    name_of,
    one_of,
    register_adds_product,
    register_archives,
    register_counts,
    register_ends_sale,
    register_pauses,
    register_prices,
    register_puts_on_sale,
    register_renames,
    register_sells,
)
from tests.simulation.actors.shoppers import (
    shopper_cancels,
    shopper_confirms,
    shopper_orders,
    shopper_pays,
    signal_comes_again,
)
from tests.simulation.actors.staff import (
    EDITABLE,
    staff_ask_statuses,
    staff_edit,
    staff_lock,
    staff_own,
    staff_retry,
    staff_sync,
)

__all__ = [
    "EDITABLE",
    "cashier_cancels",
    "cashier_completes",
    "cashier_prepares",
    "cova_clock_is_wrong",
    "name_of",
    "next_call_meets",
    "one_of",
    "other_worker_ticks",
    "outage",
    "register_adds_product",
    "register_archives",
    "register_counts",
    "register_ends_sale",
    "register_pauses",
    "register_prices",
    "register_puts_on_sale",
    "register_renames",
    "register_sells",
    "shopper_cancels",
    "shopper_confirms",
    "shopper_orders",
    "shopper_pays",
    "signal_comes_again",
    "staff_ask_statuses",
    "staff_edit",
    "staff_lock",
    "staff_own",
    "staff_retry",
    "staff_sync",
    "storm",
    "unreliable",
    "worker_dies",
]
