"""POS settings > Specifications and lab values, and the page that explains one product's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from flask import abort, request
from flask.typing import ResponseReturnValue

from aiq_cova_plugin.errors import CovaPluginError
from aiq_cova_plugin.mapping.specification_names import IGNORED, LAB_NAMES, TEXT_MEANINGS
from aiq_cova_plugin.services.choices.doubtful_meanings import Doubt, doubts_about
from aiq_cova_plugin.services.choices.field_owners import FIELD_LABELS
from aiq_cova_plugin.services.choices.specification_mapping import (
    InvalidSpecificationNames,
    MappingEntry,
    UnusedName,
    meaning_words,
    read_mapping,
    save_mapping,
    unused_names,
    use_name,
)
from aiq_cova_plugin.services.products.specifications import (
    ExplainedProduct,
    UnknownProduct,
    ask_cova,
    explain_product,
    try_specification,
)
from aiq_cova_plugin.web.access import needs
from aiq_cova_plugin.web.htmx import is_htmx, target_id
from aiq_cova_plugin.web.page import StorePage
from aiq_cova_plugin.web.words.view_models import Moment, counted

_MOST_UNUSED = 50
_LONGEST_TRIAL = 2000
_SAVED = "Saved. The next sync reads every product anew; it starts by itself."
_DOUBTED = " Some values do not read as what you chose; the lines say which."

Choices = list[tuple[str, list[tuple[str, str]]]]
"""Groups of a select: (label, its (value, label) pairs)."""


@dataclass(frozen=True)
class MappingPage:
    """The store's own names, what is wrong with them, and the names nobody uses.

    `doubts` is dict: position of an entry → what does not read as its meaning; `use_doubts` the
    same by the unused name, for what is chosen or suggested for it.
    """

    entries: Sequence[MappingEntry]
    unused: list[UnusedName]
    number_unused: int
    choices: Choices
    errors: dict[int, str] = field(default_factory=dict)
    use_errors: dict[str, str] = field(default_factory=dict)
    chosen: dict[str, str] = field(default_factory=dict)
    shows_all: bool = False
    doubts: dict[int, str] = field(default_factory=dict)
    use_doubts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ReadingRow:
    """One specification's line: raw, what was read, and what the shop gets or why it does not."""

    name: str
    field_id: int | None
    raw: str
    unit: str
    parsed: str
    meaning: str
    target: str
    used: bool
    remark: str


@dataclass(frozen=True)
class ProductPage:
    """One product explained; `failure` says why COVA could not be asked.

    `lacks_thc`: it is a cannabis product by what else COVA says, and no THC was read of it.
    """

    product: ExplainedProduct
    rows: list[ReadingRow]
    read_at: Moment | None
    trial: ReadingRow | None
    typed: dict[str, str]
    failure: tuple[str, str] | None = None
    errors: dict[str, str] = field(default_factory=dict)
    lacks_thc: bool = False


@needs("configure")
def show_or_save(page: StorePage) -> ResponseReturnValue:
    if request.method == "GET":
        return _mapping(page, read_mapping(page.ctx, page.store.id))
    entries = _typed_entries()
    try:
        save_mapping(page.ctx, page.store.id, entries, by=page.actor)
    except InvalidSpecificationNames as exc:
        shown = [each for each in entries if not each.is_blank]
        errors = {shown.index(entries[place]): text for place, text in exc.errors.items()}
        return _mapping(page, shown, errors=errors, status=422)
    return _done(page)


@needs("configure")
def use(page: StorePage) -> ResponseReturnValue:
    """Give one of the unused names a meaning."""
    name, meaning = request.form.get("name", ""), request.form.get("meaning", "")
    try:
        use_name(page.ctx, page.store.id, name, meaning, by=page.actor)
    except InvalidSpecificationNames as exc:
        saved = read_mapping(page.ctx, page.store.id)
        wrong = next(iter(exc.errors.values()))
        return _mapping(page, saved, use_errors={name: wrong}, chosen={name: meaning}, status=422)
    return _done(page)


@needs("configure")
def doubts(page: StorePage) -> ResponseReturnValue:
    """What speaks against a meaning that is being chosen, before it is saved."""
    asked = request.args
    entry = MappingEntry(
        asked.get("meaning") or asked.get("mapping_meaning", ""),
        asked.get("name") or asked.get("mapping_name", ""),
        asked.get("mapping_field_id", ""),
    )
    found = doubts_about(page.ctx, page.store.id, [entry])
    words = doubt_words(entry, found[0]) if found else ""
    return page.fragment("specifications/_doubt.html", words)


def doubt_words(entry: MappingEntry, doubt: Doubt) -> str:
    """Which values do not read as the entry's meaning, and what to do."""
    has = "has a value that does" if doubt.number_of_products == 1 else "have values that do"
    examples = ", ".join(f"“{each}”" for each in doubt.examples)
    return (
        f"{counted(doubt.number_of_products, 'product')} {has} not read as "
        f"{meaning_words(entry.meaning)}: {examples}. Choose another meaning, or put the values "
        "right in COVA."
    )


@needs("view")
def product(page: StorePage, product_id: str) -> ResponseReturnValue:
    """What COVA last said of one product, what was made of it, and a place to try other values."""
    try:
        explained = explain_product(page.ctx, page.store.id, product_id)
    except UnknownProduct:
        abort(404)
    typed = {
        name: request.args.get(f"try_{name}", "")[:_LONGEST_TRIAL]
        for name in ("name", "value", "unit")
    }
    is_tried = "try_name" in request.args
    errors = _what_is_missing(typed) if is_tried else {}
    if is_tried and not errors:
        explained = try_specification(page.ctx, page.store.id, explained, **typed)
    view = _product_page(page, explained, typed=typed, errors=errors)
    status = 422 if errors else 200
    if is_htmx() and target_id() == "cova-try":
        return page.fragment("specifications/_try.html", view, status=status)
    return page.render("specifications/product.html", view, section="pos_settings", status=status)


def _what_is_missing(typed: dict[str, str]) -> dict[str, str]:
    errors = {}
    if not typed["name"].strip():
        errors["name"] = "Type the name of a specification as COVA has it, such as THC Max."
    if not typed["value"].strip():
        errors["value"] = "Type the value to be read, such as 18-24."
    return errors


@needs("sync")
def ask(page: StorePage, product_id: str) -> ResponseReturnValue:
    """What COVA says of the product right now. Nothing is saved."""
    failure = None
    try:
        explained = explain_product(page.ctx, page.store.id, product_id)
    except UnknownProduct:
        abort(404)
    try:
        explained = ask_cova(page.ctx, page.store.id, product_id)
    except CovaPluginError as exc:
        failure = (exc.message, exc.fix or "Try again in a moment; nothing has changed.")
    view = _product_page(page, explained, failure=failure)
    if is_htmx():
        return page.fragment("specifications/_readings.html", view)
    return page.render("specifications/product.html", view, section="pos_settings")


def _done(page: StorePage) -> ResponseReturnValue:
    if is_htmx():
        view = _mapping_page(read_mapping(page.ctx, page.store.id), page)
        said = _SAVED + (_DOUBTED if view.doubts else "")
        return page.fragment("specifications/_mapping.html", view, toast=("ok", said))
    return page.go_to(page.url("specifications"), notice=_SAVED)


def _mapping(
    page: StorePage,
    entries: Sequence[MappingEntry],
    *,
    errors: dict[int, str] | None = None,
    use_errors: dict[str, str] | None = None,
    chosen: dict[str, str] | None = None,
    status: int = 200,
) -> ResponseReturnValue:
    view = _mapping_page(
        entries, page, errors=errors or {}, use_errors=use_errors or {}, chosen=chosen or {}
    )
    if is_htmx():
        return page.fragment("specifications/_mapping.html", view, status=status)
    return page.render("specifications/page.html", view, section="pos_settings", status=status)


def _mapping_page(
    entries: Sequence[MappingEntry],
    page: StorePage,
    *,
    errors: dict[int, str] | None = None,
    use_errors: dict[str, str] | None = None,
    chosen: dict[str, str] | None = None,
) -> MappingPage:
    unused = unused_names(page.ctx, page.store.id)
    shows_all = request.args.get("unused") == "all"
    shown = unused if shows_all else unused[:_MOST_UNUSED]
    chosen = chosen or {}
    likely = [
        MappingEntry(chosen.get(each.name) or each.suggested_meaning or "", each.name)
        for each in shown
    ]
    everything = [*entries, *likely]
    found = doubts_about(page.ctx, page.store.id, everything)
    words = {place: doubt_words(everything[place], doubt) for place, doubt in found.items()}
    return MappingPage(
        entries,
        shown,
        len(unused),
        _choices(),
        errors or {},
        use_errors or {},
        chosen,
        shows_all,
        doubts={place: text for place, text in words.items() if place < len(entries)},
        use_doubts={
            everything[place].name: text for place, text in words.items() if place >= len(entries)
        },
    )


def _typed_entries() -> list[MappingEntry]:
    """The lines in the order they stand on the page, without those ticked for removal."""
    form = request.form
    removed = set(form.getlist("mapping_remove"))
    columns = (form.getlist(f"mapping_{name}") for name in ("meaning", "name", "field_id"))
    return [
        MappingEntry(*cells)
        for position, cells in enumerate(zip(*columns, strict=False))
        if str(position) not in removed
    ]


def _choices() -> Choices:
    return [
        ("Product", [(each, meaning_words(each)) for each in TEXT_MEANINGS]),
        ("Lab values", [(each, each) for each in LAB_NAMES]),
        ("Leave out", [(IGNORED, meaning_words(IGNORED))]),
    ]


def _product_page(
    page: StorePage,
    explained: ExplainedProduct,
    *,
    typed: dict[str, str] | None = None,
    failure: tuple[str, str] | None = None,
    errors: dict[str, str] | None = None,
) -> ProductPage:
    rows = _rows(explained)
    trial = None if explained.trial is None else rows.pop()
    return ProductPage(
        explained,
        rows,
        page.when(explained.read_at),
        trial,
        typed or {},
        failure,
        errors or {},
        lacks_thc=_lacks_thc(explained),
    )


def _lacks_thc(explained: ExplainedProduct) -> bool:
    lab_values = [each for each in explained.readings if each.field == "labs"]
    is_cannabis = lab_values or any(
        each.field in ("strain", "cannabis_type") for each in explained.readings
    )
    has_thc = any(each.used and (each.meaning or "").startswith("THC") for each in lab_values)
    return bool(is_cannabis) and not has_thc


def _rows(explained: ExplainedProduct) -> list[ReadingRow]:
    """A line for each reading, and behind them one for the trial, if there is one."""
    trial = () if explained.trial is None else (explained.trial,)
    rows = []
    for each in (*explained.readings, *trial):
        remarks = [each.reason or each.note]
        if each.used and each.field in explained.staff_fields:
            remarks.append("Staff own this field here, so no sync writes it.")
        rows.append(
            ReadingRow(
                name=each.display_name.strip() or "(no name)",
                field_id=each.field_id,
                raw=each.raw[:_LONGEST_TRIAL],
                unit=each.unit,
                parsed=each.parsed[:_LONGEST_TRIAL],
                meaning=each.meaning or "",
                target=f"{FIELD_LABELS.get(each.field or '', '')}: {each.shop_gets}"
                if each.used
                else "",
                used=each.used,
                remark=" ".join(remark for remark in remarks if remark),
            )
        )
    return rows
