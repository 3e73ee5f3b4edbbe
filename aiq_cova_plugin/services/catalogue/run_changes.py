"""What a run changed, written down in the transaction that changes it.

So the record is true after a crash: what is listed was applied, and what was applied is listed,
up to the number of products a run keeps.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from aiq_cova_plugin.domain.changed_parts import changed_parts
from aiq_cova_plugin.services.catalogue.plan_product import ProductPlan
from aiq_cova_plugin.store.database import DatabaseConnection
from aiq_cova_plugin.store.run_changes import record_changes

CHANGES_KEPT = 1000
"""Of how many products a run keeps what it changed; the others are counted."""

SOLD_OUT, STOCK = "sold_out", "stock"
"""Not actions of their own: an update that takes the quantity to zero, and one of the quantity
alone. Staff want to see the one, and to leave the other out."""

KINDS_OF_CHANGE = ("hide", SOLD_OUT, "restore", "update", STOCK, "create")
"""What disappears matters most to whoever looks, so it comes first."""


class Change(NamedTuple):
    """One product as it was told to the shop, with all that was news to it."""

    product_id: str
    kind: str
    before: dict[str, object]
    after: dict[str, object]


def change_of(plan: ProductPlan) -> Change | None:
    """What the plan changes once the shop has agreed; None when nothing is news to it."""
    if plan.change is None or not plan.new:
        return None
    kind = kind_of(plan)
    if kind == "update" and set(plan.new) == {"quantity"}:
        kind = STOCK
    return Change(plan.change.cova_product_id, kind, plan.old, plan.new)


def kind_of(plan: ProductPlan) -> str:
    """What the plan does, as staff see it: its action, or `SOLD_OUT`."""
    action = plan.change.action if plan.change is not None else ""
    return SOLD_OUT if action == "update" and plan.is_destructive else action


class RunChanges:
    """The changes of one run: counts how many are kept, and keeps no more than `CHANGES_KEPT`."""

    def __init__(self, run_id: str) -> None:
        self._run_id = run_id
        self._kept = 0

    def write(self, connection: DatabaseConnection, changes: Iterable[Change]) -> int:
        """Write the changes down, in the caller's transaction; how many were kept.

        Say so with `committed` once the transaction is: one that is rolled back kept none.
        """
        room = CHANGES_KEPT - self._kept
        kept = list(changes)[:room] if room > 0 else []
        record_changes(
            connection,
            self._run_id,
            [
                (
                    each.product_id,
                    each.kind,
                    {
                        name: list(parts)
                        for name, parts in changed_parts(each.before, each.after).items()
                    },
                )
                for each in kept
            ],
        )
        return len(kept)

    def committed(self, number: int) -> None:
        """So many of what was written are there to stay."""
        self._kept += number
