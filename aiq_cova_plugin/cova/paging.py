"""Goes through a product call page by page (cova-api.md section 4.3).

There is no cursor and no total, the order is unstable, and the largest page COVA grants is
unknown. So: products are told once, a short page is believed only when nothing follows it,
and the page is halved when COVA refuses.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

from aiq_cova_plugin.cova.failures import AnsweredWithError, AnswerTooLarge, AnswerTooSlow
from aiq_cova_plugin.errors import ContractBroken, CovaPluginError, Rejected
from aiq_cova_plugin.schemas.records import ProductPage

log = logging.getLogger(__name__)

DEFAULT_PAGE_SIZE = 500
SMALLEST_PAGE_SIZE = 25
_TOO_MUCH = frozenset({400, 413, 422})


class EndlessListing(ContractBroken):
    """COVA sends the same full page again and again: what was read of the list is no use."""


class FetchPage(Protocol):
    """A product call with everything but its place in the list decided."""

    def __call__(self, *, skip: int, top: int) -> ProductPage: ...


@dataclass(frozen=True)
class ProductPageStep:
    """One page without products told before, and where to go on after it.

    `skip` is the offset after this page: a run that stops here resumes with it. `top` is the
    page size that worked. `positions` are the places of the products in COVA's list, from 1.
    """

    page: ProductPage
    skip: int
    top: int
    positions: tuple[int, ...] = ()


def iter_product_pages(
    fetch: FetchPage,
    *,
    page_size: int = DEFAULT_PAGE_SIZE,
    skip: int = 0,
    told: Iterable[str] = (),
    smallest_page_size: int = SMALLEST_PAGE_SIZE,
    on_halved: Callable[[int], None] | None = None,
) -> Iterator[ProductPageStep]:
    """Yield pages until COVA has no more.

    A page shorter than asked for is followed by one more call at the next offset, since COVA
    may cap the size or filter late; an empty page ends it, and so does a short one with
    nothing new. `on_halved` is told every smaller page size. A run that goes on behind pages
    read earlier hands in their `skip` and the ids `told` by them.

    Raises what `fetch` raises once the page cannot be made smaller, and ContractBroken when
    COVA sends full pages without anything new, for then it ignores the offset.
    """
    seen = {product_key(each) for each in told}
    top = max(1, page_size)
    while True:
        page, top = _fetch_halving(fetch, skip, top, smallest_page_size, on_halved)
        count = len(page.products)
        if count == 0:
            # Not even products, but perhaps the tax rates that the first page must bring.
            if not seen:
                yield ProductPageStep(page, skip=skip, top=top)
            return
        known = len(seen)
        fresh = tuple(_unseen(page.products, seen))
        has_news = len(seen) > known
        positions = tuple(skip + index + 1 for index, _ in fresh)
        skip += count
        if has_news or (fresh and count < top):
            page = replace(page, products=tuple(raw for _, raw in fresh))
            yield ProductPageStep(page, skip=skip, top=top, positions=positions)
        if not has_news:
            if count < top:
                return
            raise EndlessListing(
                "COVA sends the same products again and again instead of the next page.",
                detail=f"skip {skip}, top {top}",
            )


def _fetch_halving(
    fetch: FetchPage,
    skip: int,
    top: int,
    smallest: int,
    on_halved: Callable[[int], None] | None,
) -> tuple[ProductPage, int]:
    while True:
        try:
            return fetch(skip=skip, top=top), top
        except CovaPluginError as error:
            if top <= smallest or not _asks_for_less(error):
                raise
            top = max(smallest, top // 2)
            log.info(
                "cova_page_halved",
                extra={"top": top, "skip": skip, "failure": type(error).__name__},
            )
            if on_halved is not None:
                on_halved(top)


def _asks_for_less(error: CovaPluginError) -> bool:
    if isinstance(error, Rejected):
        return error.status in _TOO_MUCH
    return isinstance(error, AnsweredWithError | AnswerTooSlow | AnswerTooLarge)


def key_of(raw: Any) -> str:
    """The id of a raw product as lists are compared by it; empty when it has none."""
    product_id = raw.get("ProductId") if isinstance(raw, dict) else None
    return product_key(product_id) if isinstance(product_id, str) else ""


def product_key(product_id: str) -> str:
    """An id as it is compared: without spaces around it, in lower case (section 11)."""
    return product_id.strip().strip("{}").lower()


def _unseen(products: tuple[Any, ...], seen: set[str]) -> Iterator[tuple[int, Any]]:
    for index, raw in enumerate(products):
        key = key_of(raw)
        if not key:
            # Reading it will fail and name it; here it only must not get lost.
            yield index, raw
        elif key not in seen:
            seen.add(key)
            yield index, raw
