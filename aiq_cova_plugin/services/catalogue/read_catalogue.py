"""Reads a store's products from COVA and turns the changed ones into snapshots.

Nothing is written here but the pages themselves, for a run that has to be continued. An
unchanged product is recognised by the hash of what COVA sent and costs neither validation
nor mapping.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

from aiq_cova_plugin.cova.client import CovaClient
from aiq_cova_plugin.cova.paging import EndlessListing, iter_product_pages, key_of
from aiq_cova_plugin.errors import ContractBroken
from aiq_cova_plugin.mapping.specification_names import DEFAULT, SpecificationNames
from aiq_cova_plugin.schemas.records import ProductPage
from aiq_cova_plugin.services.catalogue.kept_pages import KeptPage
from aiq_cova_plugin.services.catalogue.understand_products import ProductReader, Reading

__all__ = ["OVERLAP", "CatalogueReader", "PageKeeper", "Reading"]

OVERLAP = timedelta(minutes=10)
"""How far an increment reaches back before its cursor (cova-api.md section 12)."""

_IDS_PER_CALL = 100
_MOST_LISTINGS = 4
"""How often one run reads the whole list at most, when the list moves while it is read."""
_ELSEWHERE_IN_AN_INCREMENT = 3
"""So many products of ours that are at other locations now, and none here, are no accident."""


class PageKeeper(Protocol):
    """Where pages are kept for the next run, and come from when the run before broke off."""

    def load(self, listing: str) -> Sequence[KeptPage]: ...

    def keep(self, listing: str, position: int, kept: KeptPage) -> None: ...

    def drop(self, listing: str | None = None) -> None: ...


FetchPage = Callable[[int, int], ProductPage]


@dataclass
class _Listing:
    """One going through a list: its ids so far, and whether it moved while it was read.

    Pages are kept for the next run under `name`, the next one in place `position`.
    """

    name: str | None
    told: set[str] = field(default_factory=set)
    has_moved: bool = False
    position: int = 0
    expected_first: str | None = None
    """What must stand first on the next page: the last product of the page before the break."""

    def watch(self, page: ProductPage) -> ProductPage:
        """Note the page's products; the page without the one that was expected first."""
        if self.expected_first is not None:
            if page.products and key_of(page.products[0]) == self.expected_first:
                page = replace(page, products=page.products[1:])
            else:
                self.has_moved = True
            self.expected_first = None
        named = {key for raw in page.products if (key := key_of(raw))}
        self.has_moved = self.has_moved or not self.told.isdisjoint(named)
        self.told |= named
        return page

    def is_worth_keeping(self, count: int, top: int) -> bool:
        """A short increment is read again in one call."""
        is_long = count >= top or self.position > 0 or self.name == "full"
        return count > 0 and not self.has_moved and is_long


class CatalogueReader:
    """Reads one store's products into `reading`.

    `known_hashes` is dict: product id → stored hash; `on_menu` are the ids of the products the
    shop shows, which are our location's for sure. `names` are the store's names of
    specifications. `keeper` is None where nothing may be written. `pause` is called between
    two pages of a pass that is not to be in COVA's way.
    """

    def __init__(
        self,
        client: CovaClient,
        *,
        location_id: int,
        page_size: int,
        known_hashes: Mapping[str, str],
        now: Callable[[], datetime],
        on_page: Callable[[Reading], None],
        names: SpecificationNames = DEFAULT,
        on_menu: frozenset[str] = frozenset(),
        keeper: PageKeeper | None = None,
        pause: Callable[[], None] = lambda: None,
    ) -> None:
        self._client = client
        self._products = ProductReader(
            location_id=location_id, names=names, known_hashes=known_hashes, on_menu=on_menu
        )
        self._page_size = page_size
        self._now = now
        self._on_page = on_page
        self._keeper = keeper
        self._pause = pause
        self._pages_seen = 0

    @property
    def reading(self) -> Reading:
        return self._products.reading

    def read_all(self) -> None:
        """Read every product, then what changed while reading."""

        def fetch(skip: int, top: int) -> ProductPage:
            page = self._client.product_page(skip=skip, top=top)
            # A glitch looks like the end: ask again before the rest counts as not there.
            return page if page.products else self._client.product_page(skip=skip, top=top)

        self._read_until_steady(fetch, "full")
        self._require_our_location(at_least=1)
        self._read_changes_meanwhile()

    def read_changes(self, *, since: datetime) -> None:
        """Read the products COVA has changed since then (COVA's time)."""
        self._read_until_steady(self._changes_since(since), f"since:{since.isoformat()}")
        self._require_our_location(at_least=_ELSEWHERE_IN_AN_INCREMENT)
        if self.reading.resumed_pages:
            self._read_changes_meanwhile()

    def read_again(self, product_ids: Iterable[str]) -> None:
        """Ask for these products by id; what COVA does not know is not in `reading` then.

        Where an answer holds something that is no product, it may be one of those asked for:
        they are `unclear`, and nothing is concluded from their absence.
        """
        wanted = sorted(set(product_ids))
        for start in range(0, len(wanted), _IDS_PER_CALL):
            chunk = wanted[start : start + _IDS_PER_CALL]
            page, began_at = self._by_id(chunk)
            if not page.products:
                page, began_at = self._by_id(chunk)
            self._products.take(page, began_at)
            found = {key_of(raw) for raw in page.products}
            if "" in found:
                self.reading.unclear |= set(chunk) - found
        self._require_our_location(at_least=_ELSEWHERE_IN_AN_INCREMENT)

    def _by_id(self, chunk: Sequence[str]) -> tuple[ProductPage, datetime]:
        began_at = self._now()
        return self._client.products_by_id(chunk), began_at

    def _read_changes_meanwhile(self) -> None:
        """What changed since the listing began, for the pages are not all of one moment."""
        if self.reading.cova_time is not None:
            self._read_until_steady(self._changes_since(self.reading.cova_time - OVERLAP), None)

    def _changes_since(self, since: datetime) -> FetchPage:
        def ask(skip: int, top: int) -> ProductPage:
            return self._client.product_page_updated_as_of(updated_as_of=since, skip=skip, top=top)

        def fetch(skip: int, top: int) -> ProductPage:
            page = ask(skip, top)
            # No change at all is the usual answer and is believed at once.
            return page if page.products or skip == 0 else ask(skip, top)

        return fetch

    def _read_until_steady(self, fetch: FetchPage, name: str | None) -> None:
        """Read a list page by page, and again when it moved while it was read.

        COVA's lists have no fixed order. When a product turned up twice, the list moved and
        another product may have been skipped; reading again ends once nothing new comes. The
        first going through is kept under `name` and continued by the next run.
        """
        for _ in range(_MOST_LISTINGS):
            known = self.reading.fetched
            has_moved = self._read_list(fetch, name)
            if not has_moved or self.reading.fetched == known:
                return
            name = None

    def _read_list(self, fetch: FetchPage, name: str | None) -> bool:
        """Read a list from beginning to end; did it move meanwhile?"""
        listing, skip, top = self._behind_kept(name)
        is_resumed, began_at = skip > 0, self._now()

        def fetch_watching(*, skip: int, top: int) -> ProductPage:
            nonlocal began_at
            if self._pages_seen:
                self._pause()
            began_at = self._now()
            page = fetch(skip, top)
            count = len(page.products)
            self._pages_seen += count >= top
            self._keep(listing, listing.watch(page), skip + count, top, began_at)
            return page

        told = frozenset(listing.told)
        try:
            for step in iter_product_pages(fetch_watching, page_size=top, skip=skip, told=told):
                self._note_page(step.page, began_at, step.positions)
        except EndlessListing:
            self._drop(name)
            if not is_resumed:
                raise
            # Another list stands where the one of the run before broke off.
            listing.has_moved = True
        return listing.has_moved

    def _behind_kept(self, name: str | None) -> tuple[_Listing, int, int]:
        """The listing, and the offset and page size to go on with.

        Pages the run before has read are taken in as if COVA had just sent them. It goes on
        one step back: where the same product comes first again, the list has not moved at
        the seam.
        """
        listing, reading = _Listing(name), self.reading
        kept = () if name is None or self._keeper is None else self._keeper.load(name)
        for each in kept:
            listing.watch(each.page)
            first = each.next_skip - len(each.page.products) + 1
            self._note_page(each.page, each.read_began_at, range(first, each.next_skip + 1))
        if not kept:
            return listing, 0, self._page_size
        reading.resumed_pages, reading.resumed_products = len(kept), reading.fetched
        listing.position = len(kept)
        listing.expected_first = key_of(kept[-1].page.products[-1])
        return listing, kept[-1].next_skip - 1, kept[-1].top

    def _keep(
        self, listing: _Listing, page: ProductPage, next_skip: int, top: int, began_at: datetime
    ) -> None:
        if self._keeper is None or listing.name is None:
            return
        if listing.is_worth_keeping(len(page.products), top):
            kept = KeptPage(page, next_skip, top, began_at)
            self._keeper.keep(listing.name, listing.position, kept)
            listing.position += 1

    def _note_page(self, page: ProductPage, began_at: datetime, positions: Sequence[int]) -> None:
        if self.reading.cova_time is None:
            self.reading.cova_time = page.server_time
        self._products.take(page, began_at, positions)
        self.reading.pages += 1
        self._on_page(self.reading)

    def _drop(self, name: str | None) -> None:
        if self._keeper is not None and name is not None:
            self._keeper.drop(name)

    def _require_our_location(self, *, at_least: int) -> None:
        """Raises ContractBroken when COVA speaks of other locations alone."""
        if self.reading.is_ours or len(self.reading.elsewhere) < at_least:
            return
        if self._keeper is not None:
            self._keeper.drop()
        raise ContractBroken(
            f"COVA answered for another location than {self._products.location_id}, so nothing "
            "was changed.",
            field="location_id",
            fix="Compare the Location ID under Store > Integrations > COVA with the onboarding "
            "package. If it is right, tell COVA's support.",
        )
