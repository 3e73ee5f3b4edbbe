"""Locked, excluded, sorted by hand, taken from COVA: what staff decide about one product."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa

from aiq_cova_plugin.errors import NeedsOperator, UnknownStore
from aiq_cova_plugin.services.jobs.plan_jobs import CATALOG, HOUSEKEEPING
from aiq_cova_plugin.services.products import change_product
from aiq_cova_plugin.services.products.change_product import Choice, UnknownProduct
from aiq_cova_plugin.services.products.compare_products import (
    ComparisonReport,
    ShopCannotSay,
    compare_store,
)
from aiq_cova_plugin.services.products.show_products import (
    ProductDetails,
    product_details,
    product_ids_in,
    product_list,
    product_states,
    standing_of,
)
from aiq_cova_plugin.services.run_due import run_due_catalogue_jobs
from aiq_cova_plugin.store.audit import entries_of
from aiq_cova_plugin.store.models import ScheduledJob

from tests.support.connected import ConnectedShop
from tests.support.shop import ShopProduct

ROBIN = "Robin Quay"


def do(shop: ConnectedShop, what: Callable[..., Any], *args: Any, **more: Any) -> Any:
    """Call a service as a page or command does."""
    with shop.shop.app.app_context():
        return what(shop.shop.services, "s1", *args, **more)


def act(shop: ConnectedShop, name: str, product_id: str, *args: Any) -> Any:
    return do(shop, getattr(change_product, name), product_id, *args, by=ROBIN)


def details(shop: ConnectedShop, product_id: str) -> ProductDetails:
    found: ProductDetails = do(shop, product_details, product_id)
    return found


def standing(shop: ConnectedShop, product_id: str) -> str:
    return standing_of(do(shop, product_states, [product_id])[product_id])


def edit(shop: ConnectedShop, product_id: str, **fields: object) -> None:
    """Staff change the product in the shop."""
    with shop.shop.app.app_context():
        session = shop.shop.db.session
        row = session.get_one(ShopProduct, ("s1", product_id))
        row.fields = {**row.fields, **fields}
        session.commit()


def acts_on_record(shop: ConnectedShop) -> list[tuple[str, str, str]]:
    with shop.shop.app.app_context(), shop.shop.services.database.short() as connection:
        found = entries_of(connection, "s1")
    return [
        (each.actor, each.action, each.subject)
        for each in found
        if each.action.startswith("product_")
    ]


def let_the_shop_say_what_it_has(shop: ConnectedShop) -> None:
    def current_products(
        store_id: str, product_ids: Sequence[str]
    ) -> Mapping[str, Mapping[str, Any]]:
        with_all = shop.shop.products(store_id)
        return {each: with_all[each] for each in product_ids if each in with_all}

    shop.shop.host.current_products = current_products  # type: ignore[attr-defined]


@contextmanager
def when_told(shop: ConnectedShop, product_id: str, happens: Callable[[], None]) -> Iterator[None]:
    """Let something happen while the shop is being told about the product."""
    host = shop.shop.host
    tell = host.apply_products

    def watched(store_id: str, changes: Any) -> Any:
        if any(change.cova_product_id == product_id for change in changes):
            happens()
        return tell(store_id, changes)

    host.apply_products = watched  # type: ignore[method-assign]
    yield
    host.apply_products = tell  # type: ignore[method-assign]


def is_sync_due(shop: ConnectedShop) -> bool:
    with shop.shop.app.app_context():
        jobs = shop.shop.services.schedule.rows("s1")
    return any(job.job == CATALOG and job.due_at <= shop.clock.now() for job in jobs)


# --- lock -----------------------------------------------------------------------------------------


def test_lock_sync_unlock_sync(any_shop: ConnectedShop) -> None:
    (product_id,) = any_shop.ordinary()
    any_shop.sync()
    before = any_shop.in_shop(product_id)

    locked = act(any_shop, "lock_product", product_id.upper())
    any_shop.sim.register.set_price(product_id, 77)
    any_shop.sim.register.set_stock(product_id, 2)
    any_shop.sync()

    assert locked == Choice(is_news=True, sync_is_planned=True)
    assert any_shop.in_shop(product_id) == before | {"quantity": "2"}
    assert any_shop.product(product_id).differing_fields == "price"
    assert not any_shop.product(product_id).is_dirty
    assert do(any_shop, product_ids_in, "differs") == [product_id]
    assert standing(any_shop, product_id) == "locked"

    act(any_shop, "unlock_product", product_id)
    assert is_sync_due(any_shop)
    any_shop.sync()

    assert any_shop.in_shop(product_id)["price"] == "77"
    assert do(any_shop, product_ids_in, "differs") == []
    assert standing(any_shop, product_id) == "in_step"
    assert acts_on_record(any_shop) == [
        (ROBIN, "product_unlocked", product_id),
        (ROBIN, "product_locked", product_id),
    ]


def test_locking_what_is_locked_is_no_news(shop: ConnectedShop) -> None:
    (product_id,) = shop.ordinary()
    shop.sync()
    act(shop, "lock_product", product_id)

    again = act(shop, "lock_product", product_id)

    assert not again.is_news
    assert len(acts_on_record(shop)) == 1


def test_a_lock_set_before_a_running_sync_writes_is_kept_by_it(any_shop: ConnectedShop) -> None:
    (product_id,) = any_shop.ordinary()
    any_shop.sync()
    before = any_shop.in_shop(product_id)
    any_shop.sim.register.rename(product_id, "Other name")

    with any_shop.after_each_page(lambda _skip: act(any_shop, "lock_product", product_id)):
        any_shop.sync()

    assert any_shop.product(product_id).is_locked
    assert any_shop.in_shop(product_id)["name"] == before["name"]


@pytest.mark.parametrize(
    ("name", "mark"), [("lock_product", "is_locked"), ("exclude_product", "is_excluded")]
)
def test_a_choice_made_while_a_sync_writes_that_very_product_is_not_lost(
    any_shop: ConnectedShop, name: str, mark: str
) -> None:
    """It waits for the batch, whose record knows nothing of it, and the next sync applies it."""
    (product_id,) = any_shop.ordinary()
    any_shop.sync()
    any_shop.sim.register.rename(product_id, "Other name")
    threads: list[threading.Thread] = []

    def choose() -> None:
        if not threads:
            threads.append(threading.Thread(target=act, args=(any_shop, name, product_id)))
            threads[0].start()

    with when_told(any_shop, product_id, choose):
        any_shop.sync()
    threads[0].join(30)

    found = any_shop.product(product_id)
    assert getattr(found, mark)
    assert found.is_dirty, "the next sync looks at it again"


def test_unknown_products_and_stores_are_refused(shop: ConnectedShop) -> None:
    shop.sync()

    with pytest.raises(UnknownProduct, match="p-none"):
        act(shop, "lock_product", "p-none")
    with pytest.raises(UnknownStore), shop.shop.app.app_context():
        change_product.lock_product(shop.shop.services, "nowhere", "p", by=ROBIN)
    assert do(shop, product_details, "p-none") is None
    assert acts_on_record(shop) == []


def test_a_choice_in_a_store_that_is_off_says_that_nothing_happens_by_itself(
    shop: ConnectedShop,
) -> None:
    (product_id,) = shop.ordinary()
    shop.sync()
    shop.change_settings(enabled=False)

    assert not act(shop, "lock_product", product_id).sync_is_planned


# --- exclude --------------------------------------------------------------------------------------


def test_staff_removal_survives_syncs_and_can_be_taken_back(any_shop: ConnectedShop) -> None:
    (product_id,) = any_shop.ordinary()
    any_shop.sync()

    act(any_shop, "exclude_product", product_id)
    any_shop.sim.register.rename(product_id, "Other name")
    any_shop.sync()
    any_shop.sync(full=True)

    assert any_shop.in_shop(product_id)["enabled"] is False
    assert any_shop.in_shop(product_id)["name"] != "Other name"
    assert standing(any_shop, product_id) == "excluded"
    assert do(any_shop, product_ids_in, "excluded") == [product_id]
    assert do(any_shop, product_ids_in, "differs") == []

    act(any_shop, "include_product", product_id)
    any_shop.sync()
    assert any_shop.in_shop(product_id)["enabled"] is True
    assert any_shop.in_shop(product_id)["name"] == "Other name"


def test_including_shows_again_what_excluding_hid_where_staff_own_the_menu(
    any_shop: ConnectedShop,
) -> None:
    (product_id,) = any_shop.ordinary()
    any_shop.sync()
    any_shop.let_staff_own("enabled")
    any_shop.sync()
    act(any_shop, "exclude_product", product_id)
    any_shop.sync()
    assert any_shop.in_shop(product_id)["enabled"] is False
    any_shop.sim.register.set_stock(product_id, 3)
    any_shop.sync(full=True)

    included = act(any_shop, "include_product", product_id)

    assert included == Choice(is_news=True, sync_is_planned=True)
    assert any_shop.in_shop(product_id)["enabled"] is True
    assert any_shop.quantity(product_id) == 3
    assert any_shop.product(product_id).host_state == "shown"
    assert "enabled" not in any_shop.product(product_id).applied, "it is the staff's as before"
    edit(any_shop, product_id, enabled=False)
    any_shop.sync(full=True)
    assert any_shop.in_shop(product_id)["enabled"] is False, "no sync shows it again"
    assert acts_on_record(any_shop)[0] == (ROBIN, "product_included", product_id)


def test_what_was_included_while_cova_did_not_offer_it_is_shown_once_cova_does(
    any_shop: ConnectedShop,
) -> None:
    """Staff own the menu: but for the note that it is awaited, no sync would ever show it."""
    shop = any_shop
    (product_id,) = shop.ordinary()
    shop.sync()
    shop.let_staff_own("enabled")
    shop.sync()
    act(shop, "exclude_product", product_id)
    shop.sync()
    shop.sim.register.archive(product_id)
    shop.sync()

    included = act(shop, "include_product", product_id)
    shop.sync()

    assert included == Choice(is_news=True, sync_is_planned=True, is_awaited=True)
    assert shop.in_shop(product_id)["enabled"] is False
    assert standing(shop, product_id) == "hidden"

    shop.sim.register.restore(product_id)
    shop.sync()

    assert shop.in_shop(product_id)["enabled"] is True
    assert standing(shop, product_id) == "in_step"

    # From now on it is the staff's again: what they hide stays hidden.
    edit(shop, product_id, enabled=False)
    shop.sim.register.rename(product_id, "Other name")
    shop.sync()
    assert shop.in_shop(product_id)["enabled"] is False


def test_including_does_not_show_what_cova_does_not(shop: ConnectedShop) -> None:
    (product_id,) = shop.ordinary()
    shop.sync()
    shop.let_staff_own("enabled")
    act(shop, "exclude_product", product_id)
    shop.sim.register.archive(product_id)
    shop.sync()

    act(shop, "include_product", product_id)
    shop.sync()

    assert shop.in_shop(product_id)["enabled"] is False
    assert shop.product(product_id).host_state == "hidden"


# --- category -------------------------------------------------------------------------------------


def test_a_category_for_one_product_wins_until_it_is_taken_back(any_shop: ConnectedShop) -> None:
    product_id = any_shop.sim.register.add_product(name="Bud", classification="Flower > Indica")
    any_shop.sync()
    version = any_shop.product(product_id).applied_version

    act(any_shop, "set_category", product_id, "12")
    any_shop.sync()

    assert any_shop.in_shop(product_id)["category_id"] == "12"
    assert any_shop.product(product_id).category_source == "product_rule"
    assert details(any_shop, product_id).own_category_id == "12"
    assert any_shop.product(product_id).applied_version == version, "no other product was looked at"

    act(any_shop, "set_category", product_id, None)
    any_shop.sync()
    assert any_shop.in_shop(product_id)["category_id"] == "1"
    assert details(any_shop, product_id).own_category_id is None
    assert [action for _by, action, _subject in acts_on_record(any_shop)] == [
        "product_category_set"
    ] * 2


def test_a_category_the_store_does_not_have_is_refused(shop: ConnectedShop) -> None:
    (product_id,) = shop.ordinary()
    shop.sync()

    with pytest.raises(NeedsOperator) as refused:
        act(shop, "set_category", product_id, "99")

    assert refused.value.field == "category_id"
    assert details(shop, product_id).own_category_id is None


def test_a_category_chosen_while_a_sync_runs_is_applied_by_the_next_one(
    any_shop: ConnectedShop,
) -> None:
    """The running sync has read the rules already, and takes the mark on the product away."""
    product_id = any_shop.sim.register.add_product(name="Bud", classification="Flower > Indica")
    any_shop.sync()
    any_shop.sim.register.rename(product_id, "Bud of the day")

    with any_shop.after_each_page(lambda _skip: act(any_shop, "set_category", product_id, "12")):
        any_shop.sync()
    any_shop.sync()

    assert any_shop.in_shop(product_id)["category_id"] == "12"


# --- take COVA's values ---------------------------------------------------------------------------


def test_one_field_of_a_locked_product_is_taken_once(any_shop: ConnectedShop) -> None:
    (product_id,) = any_shop.ordinary()
    any_shop.sync()
    act(any_shop, "lock_product", product_id)
    any_shop.sim.register.rename(product_id, "Other name")
    any_shop.sim.register.set_price(product_id, 77)
    any_shop.sync()
    assert {"name", "price"} <= set(any_shop.product(product_id).differing_fields.split(","))

    with any_shop.told() as told:
        taken = act(any_shop, "take_cova_values", product_id, {"name"})

    assert taken == ("name",)
    assert [(change.action, dict(change.fields)) for change in told] == [
        ("update", {"name": "Other name"})
    ]
    assert any_shop.in_shop(product_id)["name"] == "Other name"
    assert any_shop.in_shop(product_id)["price"] != "77"
    assert "name" not in any_shop.product(product_id).differing_fields
    assert "price" in any_shop.product(product_id).differing_fields
    assert any_shop.product(product_id).is_locked
    assert acts_on_record(any_shop)[0] == (ROBIN, "product_restored", product_id)

    any_shop.sim.register.rename(product_id, "Third name")
    any_shop.sync()
    assert any_shop.in_shop(product_id)["name"] == "Other name", "once, and no more than once"


def test_all_fields_are_taken_also_those_of_the_staff(any_shop: ConnectedShop) -> None:
    let_the_shop_say_what_it_has(any_shop)
    any_shop.let_staff_own("name")
    (product_id,) = any_shop.ordinary()
    any_shop.sync()
    edit(any_shop, product_id, name="Staff's own", price="1.00")
    assert details(any_shop, product_id).compared.differing == ("name", "price")

    taken = act(any_shop, "take_cova_values", product_id, None)

    assert {"name", "price", "quantity"} <= set(taken)
    assert details(any_shop, product_id).compared.differing == ()
    assert "name" not in any_shop.product(product_id).applied, "staff own it as before"
    with any_shop.told() as told:
        any_shop.sync()
    assert told == [], "what was told is on record"


def test_a_shop_that_refuses_changes_nothing_and_says_why(any_shop: ConnectedShop) -> None:
    (product_id,) = any_shop.ordinary()
    any_shop.sync()
    before = any_shop.product(product_id)
    any_shop.shop.host.refused_products[product_id] = "The name is too long."

    with pytest.raises(NeedsOperator, match="The name is too long"):
        act(any_shop, "take_cova_values", product_id, None)

    after = any_shop.product(product_id)
    assert (after.applied, after.host_state) == (before.applied, before.host_state)
    assert acts_on_record(any_shop) == []


@pytest.mark.parametrize(
    ("fields", "words"), [({"category_id"}, "says nothing"), ({"colour"}, "no product field")]
)
def test_what_cova_does_not_say_cannot_be_taken(
    shop: ConnectedShop, fields: set[str], words: str
) -> None:
    product_id = shop.sim.register.add_product(name="Plain", stock=3, classification="Zzyzx")
    shop.sync()

    with pytest.raises(NeedsOperator, match=words):
        act(shop, "take_cova_values", product_id, fields)


def test_a_product_the_shop_does_not_have_cannot_take_anything(shop: ConnectedShop) -> None:
    product_id = shop.sim.register.add_product(name="Soon", lifecycle="Coming Soon")
    shop.sync()

    with pytest.raises(NeedsOperator, match="does not have Soon"):
        act(shop, "take_cova_values", product_id, None)


# --- comparing ------------------------------------------------------------------------------------


def test_an_edit_in_the_shop_is_found_shown_and_put_right(any_shop: ConnectedShop) -> None:
    let_the_shop_say_what_it_has(any_shop)
    first, second = any_shop.ordinary(2)
    any_shop.sync()
    agreed: ComparisonReport = do(any_shop, compare_store)
    edit(any_shop, first, price="1.00", name="Typed by hand")

    report: ComparisonReport = do(any_shop, compare_store)

    shown = sum(each.host_state != "absent" for each in any_shop.known().values())
    assert (agreed.compared, agreed.differing, agreed.is_read_back) == (shown, 0, True)
    assert report.differing == 1
    assert any_shop.product(first).differing_fields == "name,price"
    assert standing(any_shop, first) == "differs"
    assert standing(any_shop, second) == "in_step"
    assert do(any_shop, product_list, chosen="differs").number_found == 1

    any_shop.sim.register.set_stock(first, 4)
    any_shop.sync()
    assert any_shop.product(first).differing_fields == "", "the sync told all that COVA owns"
    assert do(any_shop, compare_store).differing == 0


def test_what_staff_own_stays_different_through_syncs(shop: ConnectedShop) -> None:
    let_the_shop_say_what_it_has(shop)
    (product_id,) = shop.ordinary()
    shop.let_staff_own("name")
    shop.sync()
    edit(shop, product_id, name="Staff's own")
    do(shop, compare_store)
    shop.sim.register.set_price(product_id, 66)

    shop.sync()

    assert shop.product(product_id).differing_fields == "name"


def test_a_shop_that_cannot_tell_is_compared_with_what_it_was_last_told(
    shop: ConnectedShop,
) -> None:
    (product_id,) = shop.ordinary()
    shop.sync()
    edit(shop, product_id, price="1.00")

    report = do(shop, compare_store)

    assert not report.is_read_back
    assert report.differing == 0, "nobody can know"
    assert not details(shop, product_id).compared.is_read_back


def test_a_shop_that_fails_at_telling_is_not_taken_for_an_empty_one(shop: ConnectedShop) -> None:
    def fail(_store_id: str, _product_ids: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        raise RuntimeError("the catalogue is being rebuilt")

    (product_id,) = shop.ordinary()
    shop.sync()
    shop.shop.host.current_products = fail  # type: ignore[attr-defined]

    with pytest.raises(ShopCannotSay):
        do(shop, compare_store)
    found = details(shop, product_id)

    assert not found.could_read_back
    assert not found.compared.is_read_back
    assert found.compared.differing == ()


# --- lists ----------------------------------------------------------------------------------------


def test_products_are_found_by_name_sku_and_id_in_any_filter(any_shop: ConnectedShop) -> None:
    wanted = any_shop.sim.register.add_product(name="Hundred % _Wild_ Haze", stock=3)
    any_shop.sync()
    sku = str(any_shop.in_shop(wanted)["sku"])

    def found(words: str, chosen: str = "") -> list[str]:
        page = do(any_shop, product_list, words=words, chosen=chosen)
        return [row.state.cova_product_id for row in page.rows]

    assert found("wild haze") == [wanted], "every word, in any order, in any case"
    assert found("% _w") == [wanted], "no letter is a wildcard"
    assert found(sku) == [wanted]
    assert found(wanted[:18].upper()) == [wanted]
    assert found("wild", "shown") == [wanted]
    assert found("wild", "hidden") == []
    assert do(any_shop, product_list, words="wild").counts["shown"] == 1


def test_pages_follow_each_other_by_name_without_gap_or_repetition(
    any_shop: ConnectedShop,
) -> None:
    any_shop.sync()
    first = do(any_shop, product_list, per_page=7)
    pages = [do(any_shop, product_list, per_page=7, page=n) for n in range(1, first.last_page + 1)]

    ids = [row.state.cova_product_id for page in pages for row in page.rows]
    names = [row.state.name.lower() for page in pages for row in page.rows]
    assert sorted(ids) == sorted(any_shop.known())
    assert len(set(ids)) == len(ids)
    assert pages[0].counts[""] == len(ids)
    assert [len(page.rows) for page in pages[:-1]] == [7] * (len(pages) - 1)
    if any_shop.shop.app.config["SQLALCHEMY_DATABASE_URI"].startswith("sqlite"):
        assert names == sorted(names)
    assert do(any_shop, product_list, per_page=7, page=999).page == first.last_page


def test_the_daily_housekeeping_finds_edits_made_in_the_shop(shop: ConnectedShop) -> None:
    let_the_shop_say_what_it_has(shop)
    (product_id,) = shop.ordinary()
    shop.sync()
    edit(shop, product_id, name="Typed by hand")
    with shop.shop.app.app_context():
        schedule, now = shop.shop.services.schedule, shop.clock.now()
        for job in schedule.rows("s1"):
            if job.job != HOUSEKEEPING:
                with shop.shop.services.database.short() as connection:
                    connection.execute(sa.delete(ScheduledJob).where(ScheduledJob.job == job.job))
        schedule.plan("s1", HOUSEKEEPING, interval_seconds=86_400, due_at=now)

        run_due_catalogue_jobs(shop.shop.services)

    assert standing(shop, product_id) == "differs"
