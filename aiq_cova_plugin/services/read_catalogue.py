"""Reads a store's products from COVA and turns the changed ones into snapshots.

Nothing is written here. An unchanged product is recognised by the hash of what COVA sent
and costs neither validation nor mapping.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from aiq_cova_plugin.cova.client import CovaClient
from aiq_cova_plugin.cova.paging import iter_product_pages
from aiq_cova_plugin.domain.catalogue import FieldIssue, ProductSnapshot
from aiq_cova_plugin.errors import ContractBroken
from aiq_cova_plugin.mapping.product_from_cova import product_from_cova
from aiq_cova_plugin.schemas.hashing import raw_product_hash
from aiq_cova_plugin.schemas.products import load_product
from aiq_cova_plugin.schemas.records import ProductPage, TaxRate

MAPPING_VERSION = 1
"""Raise it when mapping or schemas give other results: every product is then mapped anew."""

OVERLAP = timedelta(minutes=10)
"""How far an increment reaches back before its cursor (cova-api.md section 12)."""

_IDS_PER_CALL = 100
_MOST_LISTINGS = 4
"""How often one run reads the whole list at most, when the list moves while it is read."""


@dataclass(frozen=True)
class ReadProduct:
    """One product of this reading; `snapshot` is None when it has not changed."""

    raw_hash: str
    snapshot: ProductSnapshot | None
    read_began_at: datetime


@dataclass
class Reading:
    """Everything one run has read so far."""

    products: dict[str, ReadProduct] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)
    issues_by_product: dict[str, list[FieldIssue]] = field(default_factory=dict)
    """What could not be used; of a product that was read twice, the last reading's."""
    pages: int = 0
    cova_time: datetime | None = None
    """COVA's own time when the reading began, from its first answer."""

    @property
    def issues(self) -> list[FieldIssue]:
        return [issue for issues in self.issues_by_product.values() for issue in issues]

    @property
    def fetched(self) -> int:
        return len(self.products) + len(self.unreadable)


class CatalogueReader:
    """Reads one store's products; `known_hashes` is dict: product id → stored hash."""

    def __init__(
        self,
        client: CovaClient,
        *,
        location_id: int,
        page_size: int,
        known_hashes: Mapping[str, str],
        now: Callable[[], datetime],
        on_page: Callable[[Reading], None],
    ) -> None:
        self._client = client
        self._location_id = location_id
        self._page_size = page_size
        self._known_hashes = known_hashes
        self._now = now
        self._on_page = on_page
        self._rates: dict[str, TaxRate] = {}
        self.reading = Reading()

    def read_all(self) -> None:
        """Read every product, then what changed while reading."""

        def fetch(skip: int, top: int) -> ProductPage:
            page = self._client.product_page(skip=skip, top=top)
            # A glitch looks like the end: ask again before the rest counts as not there.
            return page if page.products else self._client.product_page(skip=skip, top=top)

        self._read_until_steady(fetch)
        if self.reading.cova_time is not None:
            self.read_changes(since=self.reading.cova_time - OVERLAP)

    def read_changes(self, *, since: datetime) -> None:
        """Read the products COVA has changed since then (COVA's time)."""

        def ask(skip: int, top: int) -> ProductPage:
            return self._client.product_page_updated_as_of(updated_as_of=since, skip=skip, top=top)

        def fetch(skip: int, top: int) -> ProductPage:
            page = ask(skip, top)
            # No change at all is the usual answer and is believed at once.
            return page if page.products or skip == 0 else ask(skip, top)

        self._read_until_steady(fetch)

    def _read_until_steady(self, fetch: Callable[[int, int], ProductPage]) -> None:
        """Read a list page by page, and again when it moved while it was read.

        COVA's lists have no fixed order. When a product turned up twice, the list moved and
        another product may have been skipped; reading again ends once nothing new comes.
        """
        for _ in range(_MOST_LISTINGS):
            known = self.reading.fetched
            if not self._read_list(fetch) or self.reading.fetched == known:
                return

    def _read_list(self, fetch: Callable[[int, int], ProductPage]) -> bool:
        """Read a list from beginning to end; did it move meanwhile?"""
        listed: set[str] = set()
        has_moved = False

        def fetch_watching(skip: int, top: int) -> ProductPage:
            nonlocal has_moved
            page = fetch(skip, top)
            ids = {str(raw.get("ProductId")).lower() for raw in page.products}
            has_moved = has_moved or not listed.isdisjoint(ids)
            listed.update(ids)
            return page

        self._read_pages(fetch_watching)
        return has_moved

    def read_again(self, product_ids: Iterable[str]) -> set[str]:
        """Ask for these products by id; the ids that COVA still knows."""
        wanted = sorted(set(product_ids))
        found: set[str] = set()
        for start in range(0, len(wanted), _IDS_PER_CALL):
            began_at = self._now()
            page = self._client.products_by_id(wanted[start : start + _IDS_PER_CALL])
            found |= self._take(page, began_at)
        return found

    def _read_pages(self, fetch: Callable[[int, int], ProductPage]) -> None:
        began_at = self._now()

        def fetch_noting_time(*, skip: int, top: int) -> ProductPage:
            nonlocal began_at
            began_at = self._now()
            return fetch(skip, top)

        for step in iter_product_pages(fetch_noting_time, page_size=self._page_size):
            if self.reading.cova_time is None:
                self.reading.cova_time = step.page.server_time
            self._take(step.page, began_at)
            self.reading.pages += 1
            self._on_page(self.reading)

    def _take(self, page: ProductPage, began_at: datetime) -> set[str]:
        # COVA may send the rates with the first page alone.
        self._rates.update({rate.id: rate for rate in page.tax_rates})
        taken = set()
        for raw in page.products:
            product_id = str(raw.get("ProductId") or "").lower()
            if product_id:
                taken.add(product_id)
            self._take_product(product_id, raw, began_at)
        return taken

    def _take_product(
        self,
        product_id: str,
        raw: dict[str, Any],
        began_at: datetime,
    ) -> None:
        reading, raw_hash = self.reading, self._hash(raw)
        if product_id and self._known_hashes.get(product_id) == raw_hash:
            self._note(product_id, ReadProduct(raw_hash, None, began_at), ())
            return
        earlier = reading.products.get(product_id)
        if earlier is not None and earlier.raw_hash == raw_hash:
            reading.products[product_id] = replace(earlier, read_began_at=began_at)
            return
        try:
            loaded = load_product(raw)
            snapshot = product_from_cova(
                loaded.product, location_id=self._location_id, tax_rates=self._rates
            )
        except ContractBroken as exc:
            name = product_id or f"product {len(reading.unreadable) + 1} without an id"
            reading.products.pop(name, None)
            reading.unreadable[name] = exc.message
            issue = FieldIssue(name, exc.field or "product", exc.message)
            reading.issues_by_product[name] = [issue]
            return
        problems = [FieldIssue(product_id, name, reason) for name, reason in loaded.problems]
        self._note(
            product_id,
            ReadProduct(raw_hash, snapshot, began_at),
            (*snapshot.issues, *problems),
        )

    def _note(self, product_id: str, read: ReadProduct, issues: Iterable[FieldIssue]) -> None:
        """Keep the product; a reading of it from before, good or bad, is forgotten."""
        self.reading.unreadable.pop(product_id, None)
        self.reading.products[product_id] = read
        self.reading.issues_by_product[product_id] = list(issues)

    def _hash(self, raw: dict[str, Any]) -> str:
        # A product's own data names its taxes by id; a changed rate must count as a change.
        told = raw.get("ApplicableTaxRates")
        names = sorted(str(each).lower() for each in told) if isinstance(told, list) else []
        parts = [str(MAPPING_VERSION), str(self._location_id), raw_product_hash(raw)]
        parts += [repr(self._rates.get(each)) for each in names]
        return hashlib.blake2b("\n".join(parts).encode(), digest_size=16).hexdigest()
