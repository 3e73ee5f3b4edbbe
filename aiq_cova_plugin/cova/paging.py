"""Goes through a product call page by page (cova-api.md section 4.3).

There is no cursor and no total, the order is unstable, and the largest page COVA grants is
unknown. So: products are told once, a short page is believed only when nothing follows it,
and the page is halved when COVA refuses.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

from aiq_cova_plugin.cova.failures import AnsweredWithError, AnswerTooLarge, AnswerTooSlow
from aiq_cova_plugin.errors import ContractBroken, CovaPluginError, Rejected
from aiq_cova_plugin.schemas.records import ProductPage

log = logging.getLogger(__name__)

DEFAULT_PAGE_SIZE = 500
SMALLEST_PAGE_SIZE = 25
_TOO_MUCH = frozenset({400, 413, 422})


class FetchPage(Protocol):
    """A product call with everything but its place in the list decided."""

    def __call__(self, *, skip: int, top: int) -> ProductPage: ...


@dataclass(frozen=True)
class ProductPageStep:
    """One page without products told before, and where to go on after it.

    `skip` is the offset after this page: a run that stops here resumes with it. `top` is the
    page size that worked.
    """

    page: ProductPage
    skip: int
    top: int


def iter_product_pages(
    fetch: FetchPage,
    *,
    page_size: int = DEFAULT_PAGE_SIZE,
    skip: int = 0,
    smallest_page_size: int = SMALLEST_PAGE_SIZE,
    on_halved: Callable[[int], None] | None = None,
) -> Iterator[ProductPageStep]:
    """Yield pages until COVA has no more.

    A page shorter than asked for is followed by one more call at the next offset, since COVA
    may cap the size or filter late; an empty page ends it, and so does a short one with
    nothing new. `on_halved` is told every smaller page size.

    Raises what `fetch` raises once the page cannot be made smaller, and ContractBroken when
    COVA sends full pages without anything new, for then it ignores the offset.
    """
    seen: set[str] = set()
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
        skip += count
        if has_news or (fresh and count < top):
            yield ProductPageStep(replace(page, products=fresh), skip=skip, top=top)
        if not has_news:
            if count < top:
                return
            raise ContractBroken(
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


def _unseen(products: tuple[dict[str, Any], ...], seen: set[str]) -> Iterator[dict[str, Any]]:
    for raw in products:
        product_id = raw.get("ProductId")
        if not isinstance(product_id, str):
            # Reading it will fail and name it; here it only must not get lost.
            yield raw
            continue
        key = product_id.strip().lower()
        if key not in seen:
            seen.add(key)
            yield raw
