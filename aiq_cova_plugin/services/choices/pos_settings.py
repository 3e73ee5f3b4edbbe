"""POS settings: which fields COVA owns at a store, and which category its products land in.

Saving makes the next sync look at every product again, and makes that sync due at once.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from aiq_cova_plugin.domain.categories import RuleKind
from aiq_cova_plugin.errors import NeedsOperator
from aiq_cova_plugin.host import PRODUCT_FIELDS, Category
from aiq_cova_plugin.services.audit import changed
from aiq_cova_plugin.services.choices.category_rules import (
    CLASSIFICATION,
    PRODUCT,
    SPECIFICATION,
    CategoryRules,
    RuleView,
    UnmappedValue,
    checked_rules,
    count_rule,
    read_category_rules,
)
from aiq_cova_plugin.services.choices.field_owners import (
    DANGEROUS_TO_GIVE_AWAY,
    ERASABLE,
    FIELD_LABELS,
    FieldOwner,
    field_owners,
)
from aiq_cova_plugin.services.choices.save_choices import save_choices
from aiq_cova_plugin.services.context import ServiceContext, log
from aiq_cova_plugin.services.stores import require_store
from aiq_cova_plugin.store.categories import replace_rules, rules_of
from aiq_cova_plugin.store.connections import connection_of
from aiq_cova_plugin.store.database import DatabaseConnection
from aiq_cova_plugin.store.models import Connection

__all__ = [
    "CLASSIFICATION",
    "FIELD_LABELS",
    "SPECIFICATION",
    "FieldOwner",
    "Guard",
    "InvalidPosSettings",
    "PosSettings",
    "RuleView",
    "UnmappedValue",
    "count_matches",
    "read_pos_settings",
    "save_pos_settings",
    "to_confirm",
]

_DEFAULT_PERCENT, _DEFAULT_AT_LEAST = 30, 20
_HIGHEST_AT_LEAST = 1_000_000
_ERROR_PREFIX: dict[RuleKind, str] = {CLASSIFICATION: "rule", SPECIFICATION: "spec"}


class InvalidPosSettings(NeedsOperator):
    """The POS settings cannot be saved like this; `errors` is dict: form field → what is wrong."""

    def __init__(self, errors: dict[str, str]) -> None:
        field, first = next(iter(errors.items()))
        super().__init__(first, field=field)
        self.errors = errors


@dataclass(frozen=True)
class Guard:
    """When a sync stops to ask: it would take this share of the products, and at least so many.

    The texts a form sent, or the numbers that are saved.
    """

    percent: str
    at_least: str


@dataclass(frozen=True)
class PosSettings:
    """Everything the page shows. `unmapped` may be the beginning of a longer list."""

    owners: list[FieldOwner]
    rules: list[RuleView]
    specification_rules: list[RuleView]
    product_rules: list[RuleView]
    unmapped: list[UnmappedValue]
    number_unmapped: int
    categories: Sequence[Category]
    fallback_category_id: str | None
    known_paths: list[str]
    known_values: list[str]
    guard: Guard


def read_pos_settings(
    ctx: ServiceContext, store_id: str, *, most_unmapped: int | None = None
) -> PosSettings:
    """The store's POS settings with live counts. Raises `UnknownStore`."""
    require_store(ctx, store_id)
    categories = list(ctx.host.categories(store_id))
    with ctx.database.short() as connection:
        row = connection_of(connection, store_id)
        found = read_category_rules(connection, store_id, categories, most_unmapped=most_unmapped)
    return PosSettings(
        owners=field_owners(
            row.staff_fields if row is not None else (),
            row.erasable_fields if row is not None else (),
        ),
        rules=_of_kind(found, CLASSIFICATION),
        specification_rules=_of_kind(found, SPECIFICATION),
        product_rules=_of_kind(found, PRODUCT),
        unmapped=found.unmapped,
        number_unmapped=found.number_unmapped,
        categories=categories,
        fallback_category_id=row.fallback_category_id if row is not None else None,
        known_paths=found.known_paths,
        known_values=found.known_values,
        guard=Guard(
            str(row.guard_percent if row is not None else _DEFAULT_PERCENT),
            str(row.guard_at_least if row is not None else _DEFAULT_AT_LEAST),
        ),
    )


def count_matches(ctx: ServiceContext, store_id: str, pattern: str) -> int:
    """How many active products a classification rule with this pattern would match."""
    return count_rule(ctx, store_id, CLASSIFICATION, pattern).matches


def to_confirm(ctx: ServiceContext, store_id: str, cova_fields: Collection[str]) -> list[str]:
    """The fields COVA owns now and would lose, of which losing one can hurt customers."""
    with ctx.database.short() as connection:
        row = connection_of(connection, store_id)
    staffs = set(row.staff_fields) if row is not None else set()
    return [
        name for name in DANGEROUS_TO_GIVE_AWAY if name not in staffs and name not in cova_fields
    ]


def save_pos_settings(
    ctx: ServiceContext,
    store_id: str,
    *,
    cova_fields: Collection[str] | None,
    rules: Sequence[tuple[str, str]],
    fallback_category_id: str | None,
    by: str,
    specification_rules: Sequence[tuple[str, str]] | None = None,
    erasable_fields: Collection[str] | None = None,
    guard: Guard | None = None,
) -> None:
    """Replace the store's POS settings, and let the next sync apply them at once.

    `cova_fields` are the fields COVA owns, `erasable_fields` those an empty value from COVA may
    empty. `rules` are (classification, category id) pairs, `specification_rules` (menu category
    or product type, category id) pairs, each the whole list. None leaves a choice as it is.
    Raises `UnknownStore`, and `InvalidPosSettings` with `rule-<position>`, `spec-<position>`,
    `fields`, `fallback_category_id`, `guard_percent` or `guard_at_least`.
    """
    require_store(ctx, store_id)
    names = {category.id: category.name for category in ctx.host.categories(store_id)}
    categories = set(names)
    errors: dict[str, str] = {}
    lists: dict[RuleKind, list[tuple[str, str]]] = {}
    for kind, given in ((CLASSIFICATION, rules), (SPECIFICATION, specification_rules)):
        if given is not None:
            lists[kind], wrong = checked_rules(given, categories, kind=kind)
            errors |= {f"{_ERROR_PREFIX[kind]}-{place}": text for place, text in wrong.items()}
    if fallback_category_id is not None and fallback_category_id not in categories:
        errors["fallback_category_id"] = "The store has no such category. Choose one from the list."
    if (set(cova_fields or ()) | set(erasable_fields or ())) - set(PRODUCT_FIELDS):
        errors["fields"] = "There is no such product field. Reload the page."
    numbers = _guard_numbers(guard, errors)
    if errors:
        raise InvalidPosSettings(errors)
    values: dict[str, Any] = {"fallback_category_id": fallback_category_id} | numbers
    if cova_fields is not None:
        values["staff_fields"] = [name for name in PRODUCT_FIELDS if name not in set(cova_fields)]
    if erasable_fields is not None:
        values["erasable_fields"] = [name for name in ERASABLE if name in set(erasable_fields)]

    def changes(connection: DatabaseConnection, _row: Connection | None) -> dict[str, Any]:
        before = rules_of(connection, store_id)
        for kind, cleaned in lists.items():
            old = {rule.pattern: rule.category_id for rule in before if rule.kind == kind}
            new = dict(cleaned)
            for name, texts in changed(old, new | dict.fromkeys(old.keys() - new.keys())).items():
                told[name] = {when: names.get(each, each) for when, each in texts.items()}
            replace_rules(connection, store_id, kind, cleaned)
        return values

    # Filled while it is saved: what the rules were before is known then only.
    told: dict[str, dict[str, str]] = {}
    save_choices(ctx, store_id, changes, action="pos_settings_saved", by=by, rules=told, **values)
    log.info("pos_settings_saved", extra={"store_id": store_id, "saved_by": by})


def _guard_numbers(guard: Guard | None, errors: dict[str, str]) -> dict[str, int]:
    """The columns of the guard; what is wrong with it is added to `errors`."""
    if guard is None:
        return {}
    percent = _whole_number(guard.percent)
    at_least = _whole_number(guard.at_least)
    if percent is None or not 1 <= percent <= 100:
        errors["guard_percent"] = "Write a whole number from 1 to 100."
    if at_least is None or not 1 <= at_least <= _HIGHEST_AT_LEAST:
        errors["guard_at_least"] = "Write a whole number, at least 1."
    return {"guard_percent": percent or 0, "guard_at_least": at_least or 0}


def _whole_number(text: str) -> int | None:
    plain = text.strip()
    return int(plain) if plain.isascii() and plain.isdigit() and len(plain) <= 9 else None


def _of_kind(found: CategoryRules, kind: RuleKind) -> list[RuleView]:
    return [rule for rule in found.rules if rule.kind == kind]
