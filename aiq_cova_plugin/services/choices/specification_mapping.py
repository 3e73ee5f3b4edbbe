"""The store's own names for specifications, and the names COVA sends that nothing uses.

Saving a mapping makes the next sync look at every product again, and makes that sync due at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiq_cova_plugin.errors import NeedsOperator
from aiq_cova_plugin.mapping.specification_names import (
    MEANINGS,
    SpecificationNames,
    meaning_named,
    name_key,
    names_from_settings,
)
from aiq_cova_plugin.mapping.suggest_meaning import is_known, suggest_meaning
from aiq_cova_plugin.schemas import records
from aiq_cova_plugin.services.choices.save_choices import save_choices
from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.services.stores import require_store
from aiq_cova_plugin.store.connections import connection_of
from aiq_cova_plugin.store.database import DatabaseConnection
from aiq_cova_plugin.store.models import Connection
from aiq_cova_plugin.store.specifications import each_specification

_LONGEST_NAME = 200
_MOST_ENTRIES = 500
_HIGHEST_FIELD_ID = 2**53
_LONGEST_EXAMPLE = 80


class InvalidSpecificationNames(NeedsOperator):
    """The mapping cannot be saved like this; `errors` is dict: position → what is wrong there."""

    def __init__(self, errors: dict[int, str]) -> None:
        super().__init__(next(iter(errors.values())), field="specification")
        self.errors = errors


@dataclass(frozen=True)
class MappingEntry:
    """One line of the mapping as typed: this name, this field id, or both, mean `meaning`."""

    meaning: str
    name: str = ""
    field_id: str = ""

    @property
    def is_blank(self) -> bool:
        return not (self.meaning or self.name.strip() or self.field_id.strip())


@dataclass(frozen=True)
class UnusedName:
    """A specification's name that nothing is made of, with an example of what stands there."""

    name: str
    number_of_products: int
    example: str
    example_unit: str
    example_product_id: str
    suggested_meaning: str | None


def read_mapping(ctx: ServiceContext, store_id: str) -> list[MappingEntry]:
    """The store's own names and field ids, by meaning. Raises `UnknownStore`."""
    require_store(ctx, store_id)
    with ctx.database.short() as connection:
        row = connection_of(connection, store_id)
    stored = row.specification_names if row is not None else {}
    return [
        MappingEntry(meaning, **{column: str(each)})
        for meaning in MEANINGS
        for column, plural in (("name", "names"), ("field_id", "field_ids"))
        for each in _entry(stored, meaning).get(plural, ())
    ]


def save_mapping(
    ctx: ServiceContext, store_id: str, entries: Sequence[MappingEntry], *, by: str
) -> None:
    """Make these lines the store's mapping; blank ones are left out.

    Raises `UnknownStore`, and `InvalidSpecificationNames` with what is wrong at which position.
    """
    require_store(ctx, store_id)
    stored = _checked(entries)

    def changes(_connection: DatabaseConnection, _row: Connection | None) -> dict[str, Any]:
        return {"specification_names": stored}

    save_choices(
        ctx, store_id, changes, action="specification_names_saved", by=by, specifications=stored
    )


def use_name(ctx: ServiceContext, store_id: str, name: str, meaning: str, *, by: str) -> None:
    """Give one name a meaning beside those that are saved.

    Raises `UnknownStore`, and `InvalidSpecificationNames` at position 0.
    """
    entry = MappingEntry(meaning, name)
    if meaning_named(meaning) is None:
        raise InvalidSpecificationNames({0: "Choose what it is first."})
    others = [each for each in read_mapping(ctx, store_id) if name_key(each.name) != name_key(name)]
    save_mapping(ctx, store_id, [entry, *others], by=by)


def unused_names(ctx: ServiceContext, store_id: str) -> list[UnusedName]:
    """The names COVA sends for products on sale that nothing is made of, the most used first."""
    with ctx.database.short() as connection:
        row = connection_of(connection, store_id)
        names = names_from_settings(row.specification_names if row is not None else {})
        seen = _Seen(names)
        for product_id, specifications in each_specification(connection, store_id):
            seen.take(product_id, specifications)
    return seen.unused()


_MEANING_WORDS = {
    "menu_name": "Name on the menu",
    "menu_category": "Menu category",
    "product_type": "Product type",
    "subtype": "Sub type",
    "brand": "Brand",
    "strain": "Strain or cannabis type",
    "strain_name": "Strain name",
    "weight": "Weight",
    "coa": "Certificate of analysis",
    "tags": "Tags",
    "ignored": "Nothing: leave it out",
}


def meaning_words(meaning: str) -> str:
    """A meaning as staff read it: `coa` → `Certificate of analysis`, `THCa` → `THCa`."""
    return _MEANING_WORDS.get(meaning, meaning)


def as_record(stored: Mapping[str, Any]) -> records.Specification:
    """One specification as `store.specifications` keeps it, as COVA's record."""
    field_id = stored.get("field_id")
    return records.Specification(
        field_id if isinstance(field_id, int) else None,
        str(stored.get("name") or ""),
        str(stored.get("value") or ""),
        "",
        str(stored.get("unit") or ""),
    )


@dataclass
class _Unused:
    """A name without a meaning while products pass by."""

    name: str
    number_of_products: int = 0
    example: str = ""
    unit: str = ""
    example_product_id: str = ""
    last_product_id: str = ""


class _Seen:
    """Counts the names that have no meaning while products pass by, hundreds of thousands."""

    def __init__(self, names: SpecificationNames) -> None:
        self._names = names
        self._by_key: dict[str, _Unused] = {}
        self._by_field: dict[tuple[str, int | None], _Unused | None] = {}

    def take(self, product_id: str, specifications: Sequence[Mapping[str, Any]]) -> None:
        by_field = self._by_field
        for each in specifications:
            field = (each["name"], each["field_id"])
            if field not in by_field:
                by_field[field] = self._unused_of(each)
            unused = by_field[field]
            if unused is None:
                continue
            if unused.last_product_id != product_id:
                unused.last_product_id = product_id
                unused.number_of_products += 1
            if not unused.example:
                unused.example = each["value"].strip()[:_LONGEST_EXAMPLE]
                unused.unit, unused.example_product_id = each["unit"], product_id

    def _unused_of(self, specification: Mapping[str, Any]) -> _Unused | None:
        record = as_record(specification)
        key = name_key(record.display_name)
        if not key or is_known(record, self._names):
            return None
        return self._by_key.setdefault(key, _Unused(record.display_name.strip()))

    def unused(self) -> list[UnusedName]:
        found = [
            UnusedName(
                each.name,
                each.number_of_products,
                each.example,
                each.unit,
                each.example_product_id,
                suggest_meaning(each.name, each.example, each.unit),
            )
            for each in self._by_key.values()
        ]
        return sorted(found, key=lambda each: (-each.number_of_products, each.name.casefold()))


def _entry(stored: Mapping[str, Any], meaning: str) -> Mapping[str, Any]:
    found = stored.get(meaning)
    return found if isinstance(found, Mapping) else {}


def _checked(entries: Sequence[MappingEntry]) -> dict[str, dict[str, list[Any]]]:
    """The mapping in its stored form. Raises `InvalidSpecificationNames`."""
    errors: dict[int, str] = {}
    stored: dict[str, dict[str, list[Any]]] = {}
    meaning_by_thing: dict[str | int, str] = {}
    for position, entry in enumerate(entries):
        if entry.is_blank:
            continue
        problem, things = _checked_entry(entry)
        meaning = meaning_named(entry.meaning)
        if problem or meaning is None:
            errors[position] = problem
            continue
        for column, thing in things:
            key = name_key(thing) if isinstance(thing, str) else thing
            other = meaning_by_thing.setdefault(key, meaning)
            if other != meaning:
                errors[position] = (
                    f"“{thing}” already means {meaning_words(other)}. One name has one meaning."
                )
            listed = stored.setdefault(meaning, {"names": [], "field_ids": []})[column]
            if thing not in listed:
                listed.append(thing)
    if len(meaning_by_thing) > _MOST_ENTRIES:
        errors.setdefault(len(entries) - 1, f"At most {_MOST_ENTRIES} names and field ids.")
    if errors:
        raise InvalidSpecificationNames(errors)
    return stored


def _checked_entry(entry: MappingEntry) -> tuple[str, list[tuple[str, str | int]]]:
    """(what is wrong with one line, its (`names` or `field_ids`, name or id) pairs)."""
    name, field_id = " ".join(entry.name.split()), entry.field_id.strip()
    if not entry.meaning:
        return "Choose what it means, or remove the line.", []
    if meaning_named(entry.meaning) is None:
        return "There is no such meaning. Choose one from the list.", []
    if not name and not field_id:
        return "Write the name as COVA sends it, or the field id.", []
    if len(name) > _LONGEST_NAME:
        return f"A name has at most {_LONGEST_NAME} characters.", []
    if name and not name_key(name):
        return "A name needs at least one letter or digit.", []
    things: list[tuple[str, str | int]] = [("names", name)] if name else []
    if field_id:
        is_number = field_id.isascii() and field_id.isdigit() and len(field_id) <= 16
        if not is_number or not 0 < int(field_id) < _HIGHEST_FIELD_ID:
            return "A field id is a whole number, such as 101.", []
        things.append(("field_ids", int(field_id)))
    return "", things
