"""Going through pages that shift, shrink, repeat and are refused."""

from __future__ import annotations

import pytest

from aiq_cova_plugin.cova.failures import AnsweredWithError, AnswerTooLarge, AnswerTooSlow
from aiq_cova_plugin.cova.paging import iter_product_pages
from aiq_cova_plugin.errors import ContractBroken, CovaUnavailable, RateLimited, Rejected
from aiq_cova_plugin.schemas.records import ProductPage


class Catalogue:
    """A product call over a list; `calls` are the (skip, top) asked for."""

    def __init__(self, count, *, cap=10_000, refuse_above=10_000, error=None, ids=None):
        self.ids = ids or [f"P{number}" for number in range(count)]
        self.cap = cap
        self.refuse_above = refuse_above
        self.error = error or Rejected("no", reason="", status=400)
        self.calls = []

    def __call__(self, *, skip: int, top: int) -> ProductPage:
        self.calls.append((skip, top))
        if top > self.refuse_above:
            raise self.error
        ids = self.ids[skip : skip + min(top, self.cap)]
        return ProductPage(products=tuple({"ProductId": each} for each in ids))


def told(steps) -> list[str]:
    return [raw["ProductId"] for step in steps for raw in step.page.products]


def test_all_products_once_and_where_to_go_on():
    catalogue = Catalogue(25)
    steps = list(iter_product_pages(catalogue, page_size=10))
    assert told(steps) == catalogue.ids
    assert [step.skip for step in steps] == [10, 20, 25]
    assert catalogue.calls == [(0, 10), (10, 10), (20, 10), (25, 10)]


def test_an_empty_catalogue_is_one_empty_page():
    (step,) = iter_product_pages(Catalogue(0), page_size=10)
    assert step.page.products == ()
    assert step.skip == 0


def test_a_cap_below_our_page_size_loses_nothing():
    catalogue = Catalogue(250, cap=100)
    assert told(iter_product_pages(catalogue, page_size=500)) == catalogue.ids


def test_a_run_resumes_where_it_stopped():
    catalogue = Catalogue(30)
    assert told(iter_product_pages(catalogue, page_size=10, skip=20)) == catalogue.ids[20:]


def test_products_that_shift_are_told_once_whatever_their_case():
    catalogue = Catalogue(0, ids=["a", "b", "B", "c", "A", "d"])
    assert told(iter_product_pages(catalogue, page_size=2)) == ["a", "b", "c", "d"]


def test_a_server_that_ignores_the_offset_is_found_out():
    def same(*, skip, top):
        return ProductPage(products=tuple({"ProductId": str(number)} for number in range(top)))

    with pytest.raises(ContractBroken):
        list(iter_product_pages(same, page_size=30))


def test_a_short_page_again_and_again_is_the_end():
    def same(*, skip, top):
        return ProductPage(products=({"ProductId": "a"},))

    assert told(iter_product_pages(same, page_size=10)) == ["a"]


def test_products_without_an_id_are_passed_on_and_do_not_go_round_for_ever():
    def nameless(*, skip, top):
        return ProductPage(products=tuple({"ProductId": None} for _ in range(top)))

    with pytest.raises(ContractBroken):
        list(iter_product_pages(nameless, page_size=3))
    mixed = Catalogue(0, ids=["a", None, "b"])
    assert told(iter_product_pages(mixed, page_size=10)) == ["a", None, "b"]


@pytest.mark.parametrize(
    "error",
    [
        Rejected("no", reason="", status=400),
        Rejected("no", reason="", status=413),
        AnsweredWithError("no", status=500),
        AnswerTooSlow("no"),
        AnswerTooLarge("no"),
    ],
)
def test_a_refused_page_is_halved_and_stays_small(error):
    catalogue = Catalogue(300, refuse_above=125, error=error)
    halved = []
    steps = iter_product_pages(catalogue, page_size=500, on_halved=halved.append)
    assert told(steps) == catalogue.ids
    assert halved == [250, 125]
    assert catalogue.calls[:4] == [(0, 500), (0, 250), (0, 125), (125, 125)]


def test_halving_ends_at_the_smallest_page():
    catalogue = Catalogue(300, refuse_above=1)
    with pytest.raises(Rejected):
        list(iter_product_pages(catalogue, page_size=500))
    assert [top for _, top in catalogue.calls] == [500, 250, 125, 62, 31, 25]


@pytest.mark.parametrize(
    "error",
    [CovaUnavailable("no"), RateLimited("no"), Rejected("no", reason="", status=404)],
)
def test_what_a_smaller_page_does_not_cure_is_raised_at_once(error):
    catalogue = Catalogue(300, refuse_above=1, error=error)
    with pytest.raises(type(error)):
        list(iter_product_pages(catalogue, page_size=500))
    assert len(catalogue.calls) == 1
