"""Values in the catalogue that do not read as what a name is said, or about to be said, to mean.

Reads only. A meaning that is doubted can be chosen all the same: the products may change.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiq_cova_plugin.mapping.explain_specifications import explain_specifications
from aiq_cova_plugin.mapping.specification_names import (
    LAB_NAMES,
    meaning_named,
    name_key,
    names_from_settings,
)
from aiq_cova_plugin.schemas import records
from aiq_cova_plugin.services.choices.specification_mapping import MappingEntry
from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.store.specifications import each_specification

_MOST_EXAMPLES = 3
_LONGEST_EXAMPLE = 60
_MOST_KINDS = 2_000


@dataclass
class Doubt:
    """How many products have a value that would not be read, and a few of these values."""

    number_of_products: int = 0
    examples: list[str] = field(default_factory=list)


def doubts_about(
    ctx: ServiceContext, store_id: str, entries: Sequence[MappingEntry]
) -> dict[int, Doubt]:
    """dict: position of an entry → the values that do not read as what it means.

    Entries that no value speaks against, blank ones and unknown meanings are left out. One
    pass over the products on sale, and none where no entry can be doubted.
    """
    judges = {
        position: _Judge(entry, meaning)
        for position, entry in enumerate(entries)
        if (meaning := meaning_named(entry.meaning)) is not None and _can_be_misread(meaning)
    }
    if not judges:
        return {}
    court = _Court(list(judges.values()))
    with ctx.database.short() as connection:
        for product_id, specifications in each_specification(connection, store_id):
            court.hear(product_id, specifications)
    return {
        position: judge.doubt
        for position, judge in judges.items()
        if judge.doubt.number_of_products
    }


def _can_be_misread(meaning: str) -> bool:
    """Any text will do as a brand or a tag; a number, a weight or a link is read."""
    return meaning in (*LAB_NAMES, "weight", "coa")


class _Court:
    """Brings each specification before those it concerns, while products pass by."""

    def __init__(self, judges: Sequence[_Judge]) -> None:
        self._by_key: dict[str, list[_Judge]] = defaultdict(list)
        self._by_field: dict[str, list[_Judge]] = defaultdict(list)
        for each in judges:
            if each.key:
                self._by_key[each.key].append(each)
            if each.field_id:
                self._by_field[each.field_id].append(each)
        self._concerned: dict[tuple[str, Any], list[_Judge]] = {}

    def hear(self, product_id: str, specifications: Iterable[Mapping[str, Any]]) -> None:
        for each in specifications:
            thing = (str(each.get("name") or ""), each.get("field_id"))
            if thing not in self._concerned:
                self._concerned[thing] = [
                    *self._by_key.get(name_key(thing[0]), ()),
                    *self._by_field.get(str(thing[1]), ()),
                ]
            for judge in self._concerned[thing]:
                judge.take(product_id, str(each.get("value") or ""), str(each.get("unit") or ""))


class _Judge:
    """Looks at the values of one name or field id."""

    def __init__(self, entry: MappingEntry, meaning: str) -> None:
        self.doubt = Doubt()
        self.key = name_key(entry.name)
        self.field_id = entry.field_id.strip()
        self._name = entry.name if self.key else "value"
        self._names = names_from_settings({meaning: {"names": [self._name]}})
        self._is_read: dict[tuple[str, str], bool] = {}
        self._last_product_id = ""

    def take(self, product_id: str, value: str, unit: str) -> None:
        if self._reads(value.strip(), unit):
            return
        if product_id != self._last_product_id:
            self._last_product_id = product_id
            self.doubt.number_of_products += 1
        shown = value.strip()[:_LONGEST_EXAMPLE]
        if shown not in self.doubt.examples and len(self.doubt.examples) < _MOST_EXAMPLES:
            self.doubt.examples.append(shown)

    def _reads(self, value: str, unit: str) -> bool:
        """An empty value says nothing either way."""
        if not value:
            return True
        if (value, unit) not in self._is_read:
            if len(self._is_read) >= _MOST_KINDS:
                self._is_read.clear()
            self._is_read[value, unit] = self._try(value, unit)
        return self._is_read[value, unit]

    def _try(self, value: str, unit: str) -> bool:
        spec = records.Specification(None, self._name, value, "", unit)
        product = records.Product(product_id="", specifications=(spec,))
        (reading,) = explain_specifications(product, self._names)
        return reading.used and not reading.note
