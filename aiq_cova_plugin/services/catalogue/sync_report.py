"""What a sync did, as the run's record, the command and the pages tell it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from aiq_cova_plugin.domain.catalogue import FieldIssue
from aiq_cova_plugin.services.catalogue.plan_product import ProductPlan
from aiq_cova_plugin.services.catalogue.understand_products import Reading


@dataclass
class SyncReport:
    """What a sync did; the fields of the contract's `sync` document (section 5)."""

    store_id: str
    run_id: str
    mode: str
    status: str = "running"
    fetched: int = 0
    created: int = 0
    updated: int = 0
    hidden: int = 0
    unchanged: int = 0
    failed: int = 0
    api_calls: int = 0
    seconds: float = 0.0
    message: str = ""
    fix: str = ""
    issues: list[FieldIssue] = field(default_factory=list)
    changes: list[ProductPlan] | None = None

    def as_document(self) -> dict[str, Any]:
        """The JSON document of the contract, one element of `stores`."""
        numbers = ("fetched", "created", "updated", "hidden", "unchanged", "failed")
        document: dict[str, Any] = {
            "store_id": self.store_id,
            "run_id": self.run_id,
            "mode": self.mode,
            "status": self.status,
            **{name: getattr(self, name) for name in numbers},
            "api_calls": self.api_calls,
            "seconds": round(self.seconds, 3),
            "message": self.message,
            "fix": self.fix,
            "issues": [
                {
                    "cova_product_id": issue.cova_product_id,
                    "field": issue.field,
                    "reason": issue.reason,
                }
                for issue in self.issues
            ],
        }
        if self.changes is not None:
            document["changes"] = [_change_document(plan) for plan in self.changes]
        return document


def _change_document(plan: ProductPlan) -> dict[str, Any]:
    assert plan.change is not None  # noqa: S101 - only plans with a change are collected
    return {
        "cova_product_id": plan.change.cova_product_id,
        "action": plan.change.action,
        "fields": {
            name: {"old": plan.old.get(name), "new": value} for name, value in plan.new.items()
        },
    }


def resumed_message(reading: Reading) -> str:
    """That the run goes on where the one before stopped; empty when it does not."""
    if not reading.resumed_pages:
        return ""
    pages = "page" if reading.resumed_pages == 1 else "pages"
    return (
        f"It went on where the run before stopped: {reading.resumed_pages} {pages} with "
        f"{_counted(reading.resumed_products)} were read already."
    )


def message_at_end(report: SyncReport, reading: Reading, news: set[str]) -> str:
    """How a run that was written ended; `news` are products unreadable for the first time."""
    parts = [resumed_message(reading)]
    if report.failed:
        parts.append(
            f"{_counted(report.failed)} could not be synced; the reasons are listed below."
        )
    known = len(set(reading.unreadable) - news)
    if known:
        were = "was" if known == 1 else "were"
        parts.append(
            f"{_counted(known)} {were} unreadable before and came unchanged: each run asks for "
            "them again, and the others do not wait for them."
        )
    return " ".join(part for part in parts if part)


def _counted(number: int) -> str:
    return f"{number:,} product" if number == 1 else f"{number:,} products"
