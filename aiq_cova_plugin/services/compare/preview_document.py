"""What a preview found, small enough to keep: counts, and the first changes of each kind.

A first sync of 10,000 products changes all of them. The counts are always whole; of the changes
the first thousand of each kind are kept, and it is said how many more there are. Everything is
in `flask cova sync --preview --json`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from aiq_cova_plugin.domain.catalogue import FieldIssue
from aiq_cova_plugin.services.catalogue import run_changes
from aiq_cova_plugin.services.catalogue.plan_product import ProductPlan
from aiq_cova_plugin.services.catalogue.run_changes import STOCK, kind_of
from aiq_cova_plugin.services.catalogue.sync_catalog import SyncReport
from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.store.holds import held_by_product
from aiq_cova_plugin.store.products import names_of

CHANGES_KEPT = 1000
_ISSUES_KEPT = 100
_NAMED_PER_CAUSE = 10
_LONGEST_TEXT = 300
_LONGEST_LIST = 40

KINDS_OF_CHANGE = tuple(kind for kind in run_changes.KINDS_OF_CHANGE if kind != STOCK)
"""Those of a run; here a change of stock alone is an update like any other."""


def preview_document(ctx: ServiceContext, report: SyncReport) -> dict[str, Any]:
    """The document of a preview, as the report's row keeps it."""
    plans = [plan for plan in report.changes or [] if plan.change is not None]
    by_kind: dict[str, list[ProductPlan]] = defaultdict(list)
    for plan in plans:
        by_kind[kind_of(plan)].append(plan)
    kept = [plan for kind in KINDS_OF_CHANGE for plan in by_kind[kind][:CHANGES_KEPT]]
    ids = [plan.change.cova_product_id for plan in kept if plan.change is not None]
    ids += [issue.cova_product_id for issue in report.issues[:_ISSUES_KEPT]]
    with ctx.database.short() as connection:
        names = names_of(connection, report.store_id, ids)
        held = held_by_product(connection, report.store_id)
    leaving = {
        plan.change.cova_product_id
        for plan in plans
        if plan.change is not None and plan.is_destructive
    }
    numbers = ("fetched", "created", "updated", "hidden", "unchanged", "failed", "api_calls")
    return {
        "store_id": report.store_id,
        "mode": report.mode,
        "status": report.status,
        "message": report.message,
        "seconds": round(report.seconds, 1),
        **{name: getattr(report, name) for name in numbers},
        "kinds": {kind: len(by_kind[kind]) for kind in KINDS_OF_CHANGE if by_kind[kind]},
        "in_orders": len(leaving & set(held)),
        "changes": [_change(plan, names, held) for plan in kept],
        "issues": _causes(report.issues, names),
    }


def _change(
    plan: ProductPlan, names: dict[str, str], held: Mapping[str, Decimal]
) -> dict[str, Any]:
    assert plan.change is not None  # noqa: S101 - only plans with a change are collected
    product_id = plan.change.cova_product_id
    return {
        "cova_product_id": product_id,
        "name": str(plan.new.get("name") or names.get(product_id, "") or product_id),
        "kind": kind_of(plan),
        "why_gone": plan.why_gone,
        "is_in_orders": plan.is_destructive and product_id in held,
        "fields": [
            [name, _short(plan.old.get(name)), _short(value)] for name, value in plan.new.items()
        ],
    }


def _causes(issues: list[FieldIssue], names: dict[str, str]) -> list[dict[str, Any]]:
    """The most frequent causes, each with the first few of its products."""
    number = Counter((issue.field, issue.reason) for issue in issues)
    products: dict[tuple[str, str], list[str]] = defaultdict(list)
    for issue in issues:
        named = products[issue.field, issue.reason]
        if len(named) < _NAMED_PER_CAUSE and issue.cova_product_id not in named:
            named.append(issue.cova_product_id)
    return [
        {
            "field": cause,
            "reason": reason,
            "number_of_products": count,
            "named": [[each, names.get(each, each)] for each in products[cause, reason]],
        }
        for (cause, reason), count in number.most_common(_ISSUES_KEPT)
    ]


def _short(value: Any) -> Any:
    """The value, cut where it would make the document large."""
    if isinstance(value, str) and len(value) > _LONGEST_TEXT:
        return f"{value[: _LONGEST_TEXT - 1]}…"
    if isinstance(value, list):
        return [_short(each) for each in value[:_LONGEST_LIST]]
    return value
