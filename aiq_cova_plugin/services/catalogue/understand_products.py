"""Turns COVA's raw products into snapshots, one by one: a bad one fails alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from aiq_cova_plugin.cova.paging import key_of
from aiq_cova_plugin.domain.catalogue import FieldIssue, ProductSnapshot
from aiq_cova_plugin.errors import ContractBroken
from aiq_cova_plugin.mapping.product_from_cova import product_from_cova
from aiq_cova_plugin.mapping.specification_names import SpecificationNames, specification_key
from aiq_cova_plugin.schemas.hashing import raw_product_hash
from aiq_cova_plugin.schemas.products import load_product
from aiq_cova_plugin.schemas.records import Product, ProductPage, TaxRate
from aiq_cova_plugin.services.catalogue.issue_fields import WHOLE_PRODUCT, issue_of_key
from aiq_cova_plugin.services.context import log

MAPPING_VERSION = 2
"""Raise it when mapping or schemas give other results: every product is then mapped anew."""

_LONGEST_VALUE = 2000
_MOST_SPECIFICATIONS = 300


def mapping_key(names: SpecificationNames) -> str:
    """The rules products are read by, as a short text: another one means reading all anew."""
    return f"{MAPPING_VERSION}:{specification_key(names)}"


@dataclass(frozen=True)
class ReadProduct:
    """One product of this reading; `snapshot` is None when it has not changed.

    `specifications` are the product's as COVA sent them, None when it has not changed.
    """

    raw_hash: str
    snapshot: ProductSnapshot | None
    read_began_at: datetime
    specifications: list[dict[str, Any]] | None = None


@dataclass(frozen=True)
class Unreadable:
    """A product that could not be read, why, and the hash by which it is known again."""

    raw_hash: str
    field: str
    reason: str


@dataclass
class Reading:
    """Everything one run has read so far."""

    products: dict[str, ReadProduct] = field(default_factory=dict)
    unreadable: dict[str, Unreadable] = field(default_factory=dict)
    """By product id; what has none goes by `?` and its hash."""
    unclear: set[str] = field(default_factory=set)
    """Asked for by id, and the answer does not tell whether COVA knows them."""
    issues_by_product: dict[str, list[FieldIssue]] = field(default_factory=dict)
    """What could not be used; of a product that was read twice, the last reading's."""
    pages: int = 0
    cova_time: datetime | None = None
    """COVA's own time when the reading began, from its first answer."""
    resumed_pages: int = 0
    resumed_products: int = 0
    """How much of it the run before had read already."""
    is_ours: bool = False
    elsewhere: set[str] = field(default_factory=set)
    """Did any product speak of our location, and which of ours spoke of others alone?"""

    @property
    def issues(self) -> list[FieldIssue]:
        return [issue for issues in self.issues_by_product.values() for issue in issues]

    @property
    def fetched(self) -> int:
        return len(self.products) + len(self.unreadable)


class ProductReader:
    """Reads one store's products. `known_hashes` is dict: product id → stored hash.

    `on_menu` are the ids of the products the shop shows: those are our location's for sure.
    """

    def __init__(
        self,
        *,
        location_id: int,
        names: SpecificationNames,
        known_hashes: Mapping[str, str],
        on_menu: frozenset[str] = frozenset(),
    ) -> None:
        self.location_id = location_id
        self._on_menu = on_menu
        self._names = names
        self._key = mapping_key(names)
        self._known_hashes = known_hashes
        self._rates: dict[str, TaxRate] = {}
        self.reading = Reading()

    def take(
        self, page: ProductPage, began_at: datetime, positions: Sequence[int] | None = None
    ) -> None:
        """Take in a page whose reading began then; `positions` are the products' places."""
        # COVA may send the rates with the first page alone.
        self._rates.update({rate.id: rate for rate in page.tax_rates})
        for position, raw in zip(positions or _counted(page), page.products, strict=True):
            self._take_product(raw, position, began_at)

    def _take_product(self, raw: Any, position: int, began_at: datetime) -> None:
        product_id, reading = key_of(raw), self.reading
        try:
            raw_hash = self._hash(raw)
        except ValueError as exc:
            reason = f"COVA sent a product that {exc}."
            self._set_aside(product_id, position, Unreadable(f"!{exc}"[:64], WHOLE_PRODUCT, reason))
            return
        if product_id and self._known_hashes.get(product_id) == raw_hash:
            self._note_location(product_id, raw)
            self._note(product_id, ReadProduct(raw_hash, None, began_at), ())
            return
        earlier = reading.products.get(product_id)
        if earlier is not None and earlier.raw_hash == raw_hash:
            reading.products[product_id] = replace(earlier, read_began_at=began_at)
            return
        try:
            read, issues = self._understand(raw, raw_hash, began_at)
        except ContractBroken as exc:
            found = Unreadable(raw_hash, exc.field or WHOLE_PRODUCT, _without_id(exc, raw))
            self._set_aside(product_id, position, found)
            return
        except Exception as exc:  # noqa: BLE001 - one product must not end the run; logged
            log.warning("product_not_understood", extra={"position": position}, exc_info=True)
            reason = f"COVA's data of this product could not be understood ({type(exc).__name__})."
            self._set_aside(product_id, position, Unreadable(raw_hash, WHOLE_PRODUCT, reason))
            return
        self._note_location(product_id, raw)
        self._note(product_id, read, issues)

    def _understand(
        self, raw: Any, raw_hash: str, began_at: datetime
    ) -> tuple[ReadProduct, tuple[FieldIssue, ...]]:
        loaded = load_product(raw)
        snapshot = product_from_cova(
            loaded.product,
            location_id=self.location_id,
            tax_rates=self._rates,
            spec_names=self._names,
        )
        product_id = loaded.product.product_id
        problems = [FieldIssue(product_id, *issue_of_key(*each)) for each in loaded.problems]
        read = ReadProduct(raw_hash, snapshot, began_at, _specifications(loaded.product))
        # One thing that is wrong five times in a product is one cause.
        return read, tuple(dict.fromkeys((*snapshot.issues, *problems)))

    def _set_aside(self, product_id: str, position: int, found: Unreadable) -> None:
        """Keep in mind what could not be read; an earlier reading of it is forgotten."""
        key = product_id or f"?{found.raw_hash}"[:64]
        # Without an id, its place in COVA's list is all that names it.
        name = product_id or f"position {position}"
        self.reading.products.pop(key, None)
        self.reading.unreadable[key] = found
        self.reading.issues_by_product[name] = [FieldIssue(name, WHOLE_PRODUCT, found.reason)]

    def _note(self, product_id: str, read: ReadProduct, issues: Iterable[FieldIssue]) -> None:
        """Keep the product; a reading of it from before, good or bad, is forgotten."""
        self.reading.unreadable.pop(product_id, None)
        self.reading.products[product_id] = read
        self.reading.issues_by_product[product_id] = list(issues)

    def _note_location(self, product_id: str, raw: Any) -> None:
        """Does the product speak of our location, or of others alone?"""
        if self.reading.is_ours:
            return
        told = {
            str(row.get("LocationId"))
            for key in ("Availability", "Prices")
            for row in (raw.get(key) if isinstance(raw.get(key), list) else ())
            if isinstance(row, dict) and row.get("LocationId") is not None
        }
        if str(self.location_id) in told:
            self.reading.is_ours = True
        elif told and (product_id in self._on_menu or not self._on_menu):
            self.reading.elsewhere.add(product_id)

    def _hash(self, raw: Any) -> str:
        if not isinstance(raw, dict):
            text = json.dumps(raw, default=str)[:10_000]
            return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
        # A product's own data names its taxes by id; a changed rate must count as a change.
        told = raw.get("ApplicableTaxRates")
        names = sorted(str(each).lower() for each in told) if isinstance(told, list) else []
        parts = [self._key, str(self.location_id), raw_product_hash(raw)]
        parts += [repr(self._rates.get(each)) for each in names]
        return hashlib.blake2b("\n".join(parts).encode(), digest_size=16).hexdigest()


def _without_id(exc: ContractBroken, raw: Any) -> str:
    """The reason in words that are the same for all products with this trouble."""
    name = raw.get("ProductId") if isinstance(raw, dict) else None
    return exc.message.replace(f"product {name}", "this product") if name else exc.message


def _counted(page: ProductPage) -> range:
    return range(1, len(page.products) + 1)


def _specifications(product: Product) -> list[dict[str, Any]]:
    """The specifications as COVA sent them, for showing raw text beside the result."""
    return [
        {
            "field_id": each.field_id,
            "name": each.display_name[:_LONGEST_VALUE],
            "value": each.value[:_LONGEST_VALUE],
            "unit": each.unit[:_LONGEST_VALUE],
        }
        for each in (product.specifications or ())[:_MOST_SPECIFICATIONS]
    ]
