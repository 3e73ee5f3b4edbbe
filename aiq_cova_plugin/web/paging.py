"""Long lists in pages: which one is asked for, and the way to the others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flask import request

_MOST_PAGES = 100_000


@dataclass(frozen=True)
class Paging:
    """Where a page of a list stands; addresses are empty where there is no such page."""

    number: int
    number_of_pages: int
    number_found: int
    first: int
    last: int
    previous_url: str
    next_url: str

    @property
    def is_needed(self) -> bool:
        return self.number_of_pages > 1


def page_number() -> int:
    """The page the address asks for, counted from 1; nonsense is the first one."""
    number = request.args.get("page", 1, type=int)
    return min(max(number, 1), _MOST_PAGES)


def paging(number: int, found: int, per_page: int, url_of: Callable[[int], str]) -> Paging:
    """The page `number` of `found` things; `url_of` gives the address of a page."""
    pages = max(1, -(-found // per_page))
    first = per_page * (number - 1) + 1
    return Paging(
        number=number,
        number_of_pages=pages,
        number_found=found,
        first=min(first, found),
        last=min(first + per_page - 1, found),
        previous_url=url_of(min(number - 1, pages)) if number > 1 else "",
        next_url=url_of(number + 1) if number < pages else "",
    )
