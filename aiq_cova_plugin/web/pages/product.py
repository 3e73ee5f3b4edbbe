"""One product on both sides, field by field, and what staff can decide about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flask import abort, request
from flask.typing import ResponseReturnValue
from werkzeug.routing import BuildError

from aiq_cova_plugin.domain.differences import FieldComparison, Verdict, differing_names
from aiq_cova_plugin.errors import NeedsOperator
from aiq_cova_plugin.host import Category
from aiq_cova_plugin.services.choices.pos_settings import FIELD_LABELS
from aiq_cova_plugin.services.products import change_product
from aiq_cova_plugin.services.products.change_product import Choice, UnknownProduct
from aiq_cova_plugin.services.products.show_products import ProductDetails, product_details
from aiq_cova_plugin.store.models import Product
from aiq_cova_plugin.store.product_list import ProductState
from aiq_cova_plugin.web.access import needs
from aiq_cova_plugin.web.htmx import is_htmx
from aiq_cova_plugin.web.page import StorePage
from aiq_cova_plugin.web.words.product_words import (
    Outlook,
    changed_fields,
    differing_words,
    field_text,
    is_offered,
    outlook_of,
    presence_words,
    product_words,
    source_words,
    unsellable_words,
)
from aiq_cova_plugin.web.words.run_words import CHANGE_WORDS
from aiq_cova_plugin.web.words.view_models import Moment, Words, quantity_text, words_of

ALL_FIELDS = "*"
"""What the form says in place of a field's name to mean all of them."""

_VERDICTS = {
    Verdict.SAME: Words("Same", "ok"),
    Verdict.DIFFERS: Words("Differs", "attention"),
    Verdict.SILENT: Words("COVA is silent", "quiet"),
    Verdict.KEPT: Words("Kept", "quiet", "Empty in COVA; that erases nothing in the shop."),
    Verdict.UNKNOWN: Words("Not known", "quiet"),
}


@dataclass(frozen=True)
class FieldRow:
    """One field as the table shows it."""

    name: str
    label: str
    cova: str
    shop: str
    owner: str
    words: Words
    can_take: bool


@dataclass(frozen=True)
class PastChangeRow:
    """One change a sync made: `fields` are (field, before, after) as text."""

    at: Moment | None
    run_url: str
    words: Words
    fields: list[tuple[str, str, str]]


@dataclass(frozen=True)
class ProductPage:
    """One product. `silent` are the fields COVA says nothing about, `fields` all others.

    `decided` says who locked or excluded it; `outlook` what comes of it, None while it follows
    COVA. `changes` are the last that syncs made to it, newest first.

    `confirm` names what is asked to be confirmed: `exclude`, `restore` or nothing; `asked` is the
    button that had asked and was left alone, so that a keyboard goes on there.

    `error` and `fix` say what went wrong with the last thing tried, `category_error` stands
    beside that form.
    """

    details: ProductDetails
    product: Product
    words: Words
    in_shop: str
    in_cova: str
    stock: str
    stock_read_at: Moment | None
    held: str
    sellable: str
    may_lock: bool
    may_exclude: bool
    category: str
    category_why: str
    categories: list[Category]
    chosen_category_id: str
    fields: list[FieldRow]
    silent: list[FieldRow]
    shop_heading: str
    to_overwrite: str
    specifications_url: str
    decided: str
    decided_at: Moment | None
    outlook: Outlook | None
    changes: list[PastChangeRow]
    confirm: str = ""
    asked: str = ""
    error: str = ""
    fix: str = ""
    category_error: str = ""


@needs("view")
def show(page: StorePage, product_id: str) -> ResponseReturnValue:
    return _answer(page, product_id)


@needs("configure")
def lock(page: StorePage, product_id: str) -> ResponseReturnValue:
    done = "Locked. Only the quantity follows COVA from now on."
    return _decide(page, product_id, change_product.lock_product, done)


@needs("configure")
def unlock(page: StorePage, product_id: str) -> ResponseReturnValue:
    done = "Unlocked. The next sync brings COVA's values"
    return _decide(page, product_id, change_product.unlock_product, done, when=True)


@needs("configure")
def exclude(page: StorePage, product_id: str) -> ResponseReturnValue:
    """Asks first: the product leaves the menu."""
    if not request.form.get("confirmed"):
        return _answer(page, product_id, confirm="exclude")
    done = "Excluded from the menu. It leaves the menu with the next sync"
    return _decide(page, product_id, change_product.exclude_product, done, when=True)


@needs("configure")
def include(page: StorePage, product_id: str) -> ResponseReturnValue:
    try:
        choice = change_product.include_product(page.ctx, page.store.id, product_id, by=page.actor)
    except UnknownProduct:
        abort(404)
    except NeedsOperator as exc:
        return _answer(page, product_id, status=422, error=exc.message, fix=exc.fix)
    if choice.is_awaited:
        done = "Included again. COVA does not offer it now; it returns as soon as COVA does."
        return _done(page, product_id, done)
    done = "Included again. It returns with the next sync, if COVA offers it"
    return _done(page, product_id, _with_time(done, choice))


@needs("configure")
def category(page: StorePage, product_id: str) -> ResponseReturnValue:
    """Choose the category of this very product; an empty choice lets the rules decide again."""
    chosen = request.form.get("category_id", "").strip() or None
    try:
        choice = change_product.set_category(
            page.ctx, page.store.id, product_id, chosen, by=page.actor
        )
    except UnknownProduct:
        abort(404)
    except NeedsOperator as exc:
        words = f"{exc.message} {exc.fix}".strip()
        return _answer(page, product_id, status=422, category_error=words)
    done = "Saved. The product moves with the next sync" if chosen else "The rules decide again"
    return _done(page, product_id, _with_time(done, choice))


@needs("sync")
def restore(page: StorePage, product_id: str) -> ResponseReturnValue:
    """Take COVA's value of one field, or of all; for all it asks first."""
    wanted = request.form.get("field", "").strip()
    if wanted in ("", ALL_FIELDS) and not request.form.get("confirmed"):
        return _answer(page, product_id, confirm="restore")
    fields = None if wanted in ("", ALL_FIELDS) else {wanted}
    try:
        change_product.take_cova_values(page.ctx, page.store.id, product_id, fields, by=page.actor)
    except UnknownProduct:
        abort(404)
    except NeedsOperator as exc:
        return _answer(page, product_id, status=422, error=exc.message, fix=exc.fix)
    label = "every field" if fields is None else FIELD_LABELS.get(wanted, wanted)
    return _done(page, product_id, f"The shop has COVA's value of {label} now.")


# --- answering ------------------------------------------------------------------------------------


def _decide(
    page: StorePage,
    product_id: str,
    service: Callable[..., Choice],
    done: str,
    *,
    when: bool = False,
) -> ResponseReturnValue:
    try:
        choice = service(page.ctx, page.store.id, product_id, by=page.actor)
    except UnknownProduct:
        abort(404)
    return _done(page, product_id, _with_time(done, choice) if when else done)


def _with_time(done: str, choice: Choice) -> str:
    if choice.sync_is_planned:
        return f"{done}, in a moment."
    return f"{done}. COVA is switched off for this store, so that is not before it is on again."


def _done(page: StorePage, product_id: str, words: str) -> ResponseReturnValue:
    if is_htmx():
        return page.fragment("products/_product.html", _view(page, product_id), toast=("ok", words))
    return page.go_to(page.url("product", product_id=product_id), notice=words)


def _answer(
    page: StorePage, product_id: str, *, status: int = 200, **more: str
) -> ResponseReturnValue:
    view = _view(page, product_id, **more)
    if is_htmx():
        return page.fragment("products/_product.html", view, status=status)
    return page.render("products/product.html", view, section="product", status=status)


# --- the view -------------------------------------------------------------------------------------


def _view(page: StorePage, product_id: str, **more: str) -> ProductPage:
    details = product_details(page.ctx, page.store.id, product_id)
    if details is None:
        abort(404)
    compared, product = details.compared, details.compared.product
    state = _state_of(details)
    names = {each.id: each.name for each in details.side.categories}
    rows = [(each.verdict, _row(each, details, names)) for each in compared.fields]
    category_id = compared.category.category_id
    is_in_shop = product.host_state != "absent"
    return ProductPage(
        details=details,
        product=product,
        words=product_words(state, now=page.now),
        in_shop={"shown": "On the menu", "hidden": "Hidden", "absent": "Not in the shop"}[
            product.host_state
        ],
        in_cova=presence_words(state),
        stock=quantity_text(product.stock),
        stock_read_at=page.when(product.stock_read_at),
        held=quantity_text(details.held),
        sellable=unsellable_words(state) or quantity_text(details.sellable),
        may_lock=is_in_shop or product.is_locked,
        may_exclude=is_in_shop or product.is_excluded or is_offered(state),
        category=names.get(category_id or "", "None"),
        category_why=source_words(compared.category.source, compared.category.matched_text),
        categories=list(details.side.categories),
        chosen_category_id=request.form.get("category_id", "")
        if more.get("category_error")
        else details.own_category_id or "",
        fields=[row for verdict, row in rows if verdict is not Verdict.SILENT],
        silent=[row for verdict, row in rows if verdict is Verdict.SILENT],
        shop_heading="In the shop now" if compared.is_read_back else "The shop was last told",
        to_overwrite=_to_overwrite(compared.fields),
        specifications_url=_specifications_url(page, product.cova_product_id),
        decided=_decided(details),
        decided_at=page.when(details.decided.at) if details.decided else None,
        outlook=_outlook(details, state),
        changes=[
            PastChangeRow(
                at=page.when(each.started_at),
                run_url=page.url("run", run_id=each.run_id),
                words=words_of(CHANGE_WORDS, each.action),
                fields=changed_fields(((name, *pair) for name, pair in each.fields.items()), names),
            )
            for each in details.past_changes
        ],
        asked=request.args.get("asked", ""),
        **more,
    )


def _decided(details: ProductDetails) -> str:
    """`Robin Quay locked it`, or who knows who; empty when nobody did."""
    product = details.compared.product
    if not (product.is_excluded or product.is_locked):
        return ""
    verb = "excluded it from the menu" if product.is_excluded else "locked it"
    return f"{details.decided.actor if details.decided else 'Staff'} {verb}"


def _outlook(details: ProductDetails, state: ProductState) -> Outlook | None:
    snapshot, owned = details.compared.snapshot, details.side.owned
    return outlook_of(
        state,
        staff_own_menu="enabled" not in owned,
        staff_own_price="price" not in owned,
        has_price=snapshot.regular_price is not None or bool(snapshot.price_tiers),
    )


def _to_overwrite(fields: list[FieldComparison]) -> str:
    """What taking all of COVA's values changes, in words; empty when nothing is known to."""
    names = differing_names(fields)
    return differing_words(names) if names else ""


def _state_of(details: ProductDetails) -> ProductState:
    """The state with what differs this very moment, not when it was last compared."""
    product = details.compared.product
    return ProductState(
        cova_product_id=product.cova_product_id,
        name=product.name or product.cova_product_id,
        host_state=product.host_state,
        is_locked=product.is_locked,
        is_excluded=product.is_excluded,
        is_dirty=product.is_dirty,
        is_vanished=product.vanished_at is not None,
        presence=product.presence,
        last_error=product.last_error,
        differing=details.compared.differing,
        compared_at=details.compared_at,
        is_awaited=product.is_awaited,
    )


def _row(
    compared: FieldComparison, details: ProductDetails, categories: dict[str, str]
) -> FieldRow:
    product = details.compared.product
    names = categories if compared.name == "category_id" else {}
    cova, shop = (
        field_text(value, field=compared.name, names=names)
        for value in (compared.cova, compared.shop)
    )
    can_take = compared.verdict in (Verdict.DIFFERS, Verdict.KEPT, Verdict.UNKNOWN)
    if compared.name == "enabled" and product.is_excluded:
        can_take = False
    return FieldRow(
        name=compared.name,
        label=FIELD_LABELS.get(compared.name, compared.name),
        cova=cova,
        shop="not known" if compared.verdict is Verdict.UNKNOWN else shop,
        owner=_owner(compared, details),
        words=_VERDICTS[compared.verdict],
        can_take=can_take and product.host_state != "absent",
    )


def _owner(compared: FieldComparison, details: ProductDetails) -> str:
    if compared.follows_cova or _is_menu_of_locked(compared, details):
        return "COVA"
    if compared.name not in details.side.owned:
        return "Staff"
    return "Staff (excluded)" if details.compared.product.is_excluded else "Staff (locked)"


def _is_menu_of_locked(compared: FieldComparison, details: ProductDetails) -> bool:
    """A lock keeps nothing on the menu that COVA does not offer any more."""
    product, owned = details.compared.product, details.side.owned
    is_menu = compared.name == "enabled" and compared.name in owned
    return is_menu and product.is_locked and not product.is_excluded


def _specifications_url(page: StorePage, product_id: str) -> str:
    """The specification tester's page; empty while this version has none."""
    try:
        return page.url("product_specifications", product_id=product_id)
    except BuildError:
        return ""
