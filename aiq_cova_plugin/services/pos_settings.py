"""POS settings: which fields COVA owns at a store, and which category its products land in.

Saving makes the next sync look at every product again, and makes that sync due at once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from aiq_cova_plugin.domain.categories import normalised_name, path_names, suggest_category
from aiq_cova_plugin.errors import NeedsOperator
from aiq_cova_plugin.host import PRODUCT_FIELDS, Category
from aiq_cova_plugin.services.context import ServiceContext, log
from aiq_cova_plugin.services.overview import UNMAPPED_SOURCES
from aiq_cova_plugin.services.plan_jobs import CATALOG
from aiq_cova_plugin.services.stores import has_credentials, require_store
from aiq_cova_plugin.store.categories import replace_rules, rules_of
from aiq_cova_plugin.store.connections import connection_of, save_connection
from aiq_cova_plugin.store.products import classification_counts

CLASSIFICATION = "classification"
_LONGEST_PATTERN = 300


class InvalidPosSettings(NeedsOperator):
    """The POS settings cannot be saved like this; `errors` is dict: form field → what is wrong."""

    def __init__(self, errors: dict[str, str]) -> None:
        field, first = next(iter(errors.items()))
        super().__init__(first, field=field)
        self.errors = errors


@dataclass(frozen=True)
class FieldOwner:
    """Who owns one field, and what either choice means for the store."""

    name: str
    label: str
    is_cova: bool
    if_cova: str
    if_staff: str


@dataclass(frozen=True)
class RuleView:
    """A rule, and how many active products it matches; its category may be gone."""

    pattern: str
    category_id: str
    matches: int
    is_category_known: bool = True


@dataclass(frozen=True)
class UnmappedValue:
    """A COVA classification nobody mapped: how many products, and the likeliest category."""

    path: str
    number_of_products: int
    suggested_category_id: str | None


@dataclass(frozen=True)
class PosSettings:
    """Everything the page shows."""

    owners: list[FieldOwner]
    rules: list[RuleView]
    unmapped: list[UnmappedValue]
    categories: Sequence[Category]
    fallback_category_id: str | None
    known_paths: list[str]


def read_pos_settings(ctx: ServiceContext, store_id: str) -> PosSettings:
    """The store's POS settings with live counts. Raises `UnknownStore`."""
    require_store(ctx, store_id)
    categories = list(ctx.host.categories(store_id))
    with ctx.database.short() as connection:
        row = connection_of(connection, store_id)
        stored = [rule for rule in rules_of(connection, store_id) if rule.kind == CLASSIFICATION]
        counts = classification_counts(connection, store_id)
    staff_fields = frozenset(row.staff_fields) if row is not None else frozenset()
    known = {category.id for category in categories}
    rules = [
        RuleView(
            rule.pattern,
            rule.category_id,
            _number_matching(rule.pattern, counts),
            is_category_known=rule.category_id in known,
        )
        for rule in stored
    ]
    # A rule whose category is gone decides nothing any more.
    patterns = [rule.pattern for rule in rules if rule.is_category_known]
    return PosSettings(
        owners=_owners(staff_fields),
        rules=rules,
        unmapped=_unmapped(counts, patterns, categories),
        categories=categories,
        fallback_category_id=row.fallback_category_id if row is not None else None,
        known_paths=sorted({path for path, _source, _number in counts if path}),
    )


def count_matches(ctx: ServiceContext, store_id: str, pattern: str) -> int:
    """How many active products a rule with this pattern would match."""
    with ctx.database.short() as connection:
        return _number_matching(pattern, classification_counts(connection, store_id))


def save_pos_settings(
    ctx: ServiceContext,
    store_id: str,
    *,
    cova_fields: Collection[str] | None,
    rules: Sequence[tuple[str, str]],
    fallback_category_id: str | None,
    by: str,
) -> None:
    """Replace the store's POS settings, and let the next sync apply them at once.

    `cova_fields` are the fields COVA owns; None leaves that choice as it is. `rules` are
    (classification, category id) pairs, the whole list. Raises `UnknownStore`, and
    `InvalidPosSettings` with `rule-<position>`, `fields` or `fallback_category_id`.
    """
    require_store(ctx, store_id)
    categories = {category.id for category in ctx.host.categories(store_id)}
    cleaned = _checked_rules(rules, categories)
    if fallback_category_id is not None and fallback_category_id not in categories:
        raise InvalidPosSettings(
            {"fallback_category_id": "The store has no such category. Choose one from the list."}
        )
    unknown = set(cova_fields or ()) - set(PRODUCT_FIELDS)
    if unknown:
        raise InvalidPosSettings({"fields": "There is no such product field. Reload the page."})
    ctx.database.end_reading()
    now = ctx.clock.now()
    with ctx.database.short() as connection:
        row = connection_of(connection, store_id)
        values: dict[str, object] = {
            "fallback_category_id": fallback_category_id,
            "settings_version": (row.settings_version if row is not None else 0) + 1,
        }
        if cova_fields is not None:
            values["staff_fields"] = [
                name for name in PRODUCT_FIELDS if name not in set(cova_fields)
            ]
        replace_rules(connection, store_id, CLASSIFICATION, cleaned)
        save_connection(connection, store_id, values, now=now)
    log.info("pos_settings_saved", extra={"store_id": store_id, "saved_by": by})
    if row is not None and row.enabled and has_credentials(row):
        ctx.schedule.plan(
            store_id, CATALOG, interval_seconds=ctx.config.catalog_interval_seconds, due_at=now
        )


def _checked_rules(
    rules: Sequence[tuple[str, str]], categories: Collection[str]
) -> list[tuple[str, str]]:
    """The rules, trimmed; empty rows are left out. Raises `InvalidPosSettings`."""
    errors: dict[str, str] = {}
    cleaned: dict[str, tuple[str, str]] = {}
    for position, (raw_pattern, category_id) in enumerate(rules):
        pattern, field = " ".join(raw_pattern.split()), f"rule-{position}"
        key = " > ".join(normalised_name(name) for name in path_names(pattern))
        if not pattern and not category_id:
            continue
        if not key:
            errors[field] = "Write the COVA classification this rule is for."
        elif len(pattern) > _LONGEST_PATTERN:
            errors[field] = f"At most {_LONGEST_PATTERN} characters."
        elif not category_id:
            errors[field] = f"Choose a category for “{pattern}”, or remove the rule."
        elif category_id not in categories:
            errors[field] = "The store has no such category. Choose one from the list."
        elif key in cleaned and cleaned[key][1] != category_id:
            errors[field] = f"There are two rules for “{pattern}”. Keep one."
        else:
            cleaned[key] = (pattern, category_id)
    if errors:
        raise InvalidPosSettings(errors)
    return list(cleaned.values())


def _matches(pattern: str, path: str) -> bool:
    """Does a classification rule fit a path? Its beginning, or one name in it."""
    wanted = [normalised_name(name) for name in path_names(pattern)]
    names = [normalised_name(name) for name in path_names(path)]
    if not wanted:
        return False
    return names[: len(wanted)] == wanted or (len(wanted) == 1 and wanted[0] in names)


def _number_matching(pattern: str, counts: Iterable[tuple[str, str, int]]) -> int:
    return sum(number for path, _source, number in counts if _matches(pattern, path))


def _unmapped(
    counts: Iterable[tuple[str, str, int]],
    patterns: Sequence[str],
    categories: Sequence[Category],
) -> list[UnmappedValue]:
    """The inbox: what no rule covers yet, the most products first."""
    numbers: dict[str, int] = {}
    for path, source, number in counts:
        is_open = source in UNMAPPED_SOURCES
        if is_open and not any(_matches(pattern, path) for pattern in patterns):
            numbers[path] = numbers.get(path, 0) + number
    found = [
        UnmappedValue(path, number, _suggestion(path, categories))
        for path, number in numbers.items()
    ]
    return sorted(found, key=lambda each: (-each.number_of_products, each.path))


def _suggestion(path: str, categories: Sequence[Category]) -> str | None:
    for name in reversed(path_names(path)):
        suggested = suggest_category(name, categories)
        if suggested is not None:
            return suggested
    return None


def _owners(staff_fields: Collection[str]) -> list[FieldOwner]:
    return [
        FieldOwner(name, *_FIELD_WORDS[name][:1], name not in staff_fields, *_FIELD_WORDS[name][1:])
        for name in PRODUCT_FIELDS
    ]


_FIELD_WORDS: dict[str, tuple[str, str, str]] = {
    # field: (label, when COVA owns it, when staff own it)
    "name": (
        "Name",
        "Names follow COVA. A name typed in the shop is replaced at the next sync.",
        "Staff write the names. A new product arrives with the shop's own default name.",
    ),
    "description": (
        "Description",
        "Descriptions follow COVA, with the lab certificate's link in them.",
        "Staff write the descriptions; the certificate's link is not added by itself.",
    ),
    "brand": ("Brand", "Brands follow COVA.", "Staff choose the brands."),
    "category_id": (
        "Category",
        "Products land where the category rules say, at every sync.",
        "Staff sort every product by hand. The category rules do nothing.",
    ),
    "subtype": ("Sub type", "Sub types follow COVA.", "Staff choose the sub types."),
    "cannabis_type": (
        "Cannabis type",
        "Indica, sativa and hybrid follow COVA.",
        "Staff say what is indica, sativa or hybrid.",
    ),
    "strain": ("Strain", "Strains follow COVA.", "Staff write the strains."),
    "sku": ("SKU", "SKUs follow COVA.", "Staff write the SKUs."),
    "upc": ("UPC", "Barcodes follow COVA.", "Staff write the barcodes."),
    "price": (
        "Price",
        "The shop charges what the register charges.",
        "Staff set prices. The shop and the register may charge differently.",
    ),
    "sale_price": (
        "Sale price",
        "Product sales begin and end in the shop when they do in COVA.",
        "COVA's sales are ignored; staff begin and end sales in the shop.",
    ),
    "price_tiers": (
        "Price tiers",
        "Quantity breaks follow COVA.",
        "Staff set the quantity breaks.",
    ),
    "quantity": (
        "Quantity",
        "The shop offers COVA's stock less what open orders hold.",
        "COVA's stock is ignored. The shop can sell what is not there.",
    ),
    "weight": ("Weight", "Weights follow COVA.", "Staff write the weights."),
    "labs": (
        "Lab results",
        "Potency and terpenes follow COVA's specifications.",
        "Staff type lab results. They can differ from the label.",
    ),
    "coa_url": (
        "Certificate of analysis",
        "The certificate's address follows COVA.",
        "Staff paste the certificate's address.",
    ),
    "image_urls": (
        "Pictures",
        "Pictures follow COVA. A picture put in by staff is replaced.",
        "Staff choose the pictures.",
    ),
    "tags": ("Tags", "Tags follow COVA.", "Staff choose the tags."),
    "enabled": (
        "On the menu",
        "What is archived or inactive in COVA leaves the menu, and returns with it.",
        "Staff take products off the menu. What COVA archives stays for sale.",
    ),
    "tax_rates": ("Tax rates", "Taxes follow COVA.", "Staff set the taxes."),
}
FIELD_LABELS: dict[str, str] = {name: words[0] for name, words in _FIELD_WORDS.items()}
"""Product field → what staff call it."""
