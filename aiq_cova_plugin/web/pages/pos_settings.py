"""Store > Settings > POS: who owns which field, and where products land."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from flask import request
from flask.typing import ResponseReturnValue

from aiq_cova_plugin.domain.categories import RuleKind
from aiq_cova_plugin.services.choices.category_rules import (
    CLASSIFICATION,
    SPECIFICATION,
    count_rule,
    count_rules,
    suggested_category,
)
from aiq_cova_plugin.services.choices.field_owners import DANGEROUS_TO_GIVE_AWAY, FIELD_LABELS
from aiq_cova_plugin.services.choices.pos_settings import (
    Guard,
    InvalidPosSettings,
    PosSettings,
    RuleView,
    read_pos_settings,
    save_pos_settings,
    to_confirm,
)
from aiq_cova_plugin.web.access import needs
from aiq_cova_plugin.web.htmx import is_htmx
from aiq_cova_plugin.web.page import StorePage
from aiq_cova_plugin.web.words.view_models import counted

_MOST_UNMAPPED = 50
_NO_CHOICE = "Choose a category first: nothing here looks like one of the store's."

Pairs = list[tuple[str, str]]


@dataclass(frozen=True)
class RuleList:
    """The rules of one kind as the form shows them; the names of its inputs begin with `prefix`."""

    kind: RuleKind
    prefix: str
    label: str
    datalist: str
    rules: list[RuleView]
    words: list[str]


@dataclass(frozen=True)
class PosSettingsForm:
    """The form as it is shown; `chosen` is what was picked for the unmapped values.

    `questions` are (field, label, what will happen) of the fields that must be confirmed.
    """

    settings: PosSettings
    lists: list[RuleList]
    chosen: dict[tuple[RuleKind, str], str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    questions: list[tuple[str, str, str]] = field(default_factory=list)
    shows_all: bool = False


@dataclass(frozen=True)
class _Typed:
    """What was sent; None is what the form did not speak of."""

    rules: Pairs
    specification_rules: Pairs | None
    inbox: dict[tuple[RuleKind, str], str]
    cova_fields: list[str] | None
    erasable_fields: list[str] | None
    fallback: str | None
    guard: Guard | None


@needs("configure")
def show_or_save(page: StorePage) -> ResponseReturnValue:
    if request.method == "POST":
        return _save(page)
    return page.render("pos_settings/page.html", _saved_form(page), section="pos_settings")


@needs("configure")
def matches(page: StorePage) -> ResponseReturnValue:
    """How many products a rule would match and decide, while it is being typed."""
    kind = SPECIFICATION if "spec_pattern" in request.args else CLASSIFICATION
    pattern = request.args.get("spec_pattern", request.args.get("rule_pattern", ""))
    words = ""
    if pattern.strip():
        found = count_rule(page.ctx, page.store.id, kind, pattern)
        words = match_words(found.matches, found.decides)
    return page.fragment("pos_settings/_matches.html", words)


def match_words(matches: int, decides: int) -> str:
    """What a rule does, in words."""
    if not matches:
        return "matches no product"
    number = f"matches {counted(matches, 'product')}"
    if decides == matches:
        return number
    if not decides:
        return f"{number}, but other rules come first for all of them"
    return f"{number}, decides for {decides:,}: other rules come first for the rest"


def _save(page: StorePage) -> ResponseReturnValue:
    typed = _typed()
    try:
        _take_suggestion(page, typed)
        questions = _questions(page, typed)
        if questions:
            form = replace(_typed_form(page, typed, {}), questions=questions)
            return _answer(page, form, status=422)
        _store(page, typed)
    except InvalidPosSettings as exc:
        return _answer(page, _typed_form(page, typed, exc.errors), status=422)
    done = "Saved. The next sync applies it to every product; it starts by itself."
    if is_htmx():
        return page.fragment("pos_settings/_form.html", _saved_form(page), toast=("ok", done))
    return page.go_to(page.url("pos_settings"), notice=done)


def _store(page: StorePage, typed: _Typed) -> None:
    mapped: dict[RuleKind, Pairs] = {CLASSIFICATION: [], SPECIFICATION: []}
    for (kind, text), category in typed.inbox.items():
        if category:
            mapped[kind].append((text, category))
    values = typed.specification_rules
    if values is None and mapped[SPECIFICATION]:
        saved = read_pos_settings(page.ctx, page.store.id).specification_rules
        values = [(rule.pattern, rule.category_id) for rule in saved]
    save_pos_settings(
        page.ctx,
        page.store.id,
        cova_fields=typed.cova_fields,
        rules=typed.rules + mapped[CLASSIFICATION],
        specification_rules=None if values is None else values + mapped[SPECIFICATION],
        fallback_category_id=typed.fallback,
        erasable_fields=typed.erasable_fields,
        guard=typed.guard,
        by=page.actor,
    )


def _take_suggestion(page: StorePage, typed: _Typed) -> None:
    """“Map it” takes what was chosen beside it, else what we suggest for it."""
    for kind, name in ((CLASSIFICATION, "map_path"), (SPECIFICATION, "map_value")):
        text = request.form.get(name)
        if not text or typed.inbox.get((kind, text)):
            continue
        suggested = suggested_category(text, list(page.ctx.host.categories(page.store.id)))
        if suggested is None:
            raise InvalidPosSettings({f"inbox-{kind}-{text}": _NO_CHOICE})
        typed.inbox[kind, text] = suggested


def _questions(page: StorePage, typed: _Typed) -> list[tuple[str, str, str]]:
    """What to ask before saving. A sender that shows no questions is not asked any."""
    if typed.cova_fields is None or "asks_first" not in request.form:
        return []
    wanted = to_confirm(page.ctx, page.store.id, typed.cova_fields)
    if set(wanted) <= set(request.form.getlist("confirmed_fields")):
        return []
    return [(name, FIELD_LABELS[name], DANGEROUS_TO_GIVE_AWAY[name]) for name in wanted]


def _typed() -> _Typed:
    form = request.form
    inbox: dict[tuple[RuleKind, str], str] = {}
    for kind, text, choice in (
        (CLASSIFICATION, "inbox_path", "inbox_category"),
        (SPECIFICATION, "inbox_value", "inbox_value_category"),
    ):
        pairs = zip(form.getlist(text), form.getlist(choice), strict=False)
        inbox |= {(kind, each): category for each, category in pairs}
    return _Typed(
        rules=_typed_rules("rule"),
        specification_rules=_typed_rules("spec") if "spec_pattern" in form else None,
        inbox=inbox,
        cova_fields=form.getlist("cova_fields") if "fields_shown" in form else None,
        erasable_fields=form.getlist("erasable_fields") if "erasable_shown" in form else None,
        fallback=form.get("fallback_category_id") or None,
        guard=Guard(form.get("guard_percent", ""), form.get("guard_at_least", ""))
        if "guard_percent" in form or "guard_at_least" in form
        else None,
    )


def _typed_rules(prefix: str) -> Pairs:
    """The rules in the order they stand on the page, without those ticked for removal."""
    patterns = request.form.getlist(f"{prefix}_pattern")
    categories = request.form.getlist(f"{prefix}_category")
    removed = set(request.form.getlist(f"{prefix}_remove"))
    return [
        (pattern, category)
        for position, (pattern, category) in enumerate(zip(patterns, categories, strict=False))
        if str(position) not in removed
    ]


def _shows_all() -> bool:
    return request.args.get("inbox") == "all"


def _read(page: StorePage) -> PosSettings:
    most = None if _shows_all() else _MOST_UNMAPPED
    return read_pos_settings(page.ctx, page.store.id, most_unmapped=most)


def _saved_form(page: StorePage) -> PosSettingsForm:
    settings = _read(page)
    return PosSettingsForm(
        settings,
        _lists(settings.rules, settings.specification_rules),
        shows_all=_shows_all(),
    )


def _typed_form(page: StorePage, typed: _Typed, errors: dict[str, str]) -> PosSettingsForm:
    """The form with what was typed, and what is wrong with it."""
    settings = replace(_read(page), fallback_category_id=typed.fallback)
    owned, empty = typed.cova_fields, typed.erasable_fields
    settings = replace(
        settings,
        guard=typed.guard or settings.guard,
        owners=[
            replace(
                each,
                is_cova=each.is_cova if owned is None else each.name in owned,
                may_be_emptied=each.may_be_emptied if empty is None else each.name in empty,
            )
            for each in settings.owners
        ],
    )
    known = {category.id for category in settings.categories}
    rules = _typed_views(page, CLASSIFICATION, typed.rules, known)
    values = settings.specification_rules
    if typed.specification_rules is not None:
        values = _typed_views(page, SPECIFICATION, typed.specification_rules, known)
    return PosSettingsForm(
        settings,
        _lists(rules, values),
        dict(typed.inbox),
        _renumbered(errors, {"rule": typed.rules, "spec": typed.specification_rules or []}),
        shows_all=_shows_all(),
    )


def _typed_views(page: StorePage, kind: RuleKind, rules: Pairs, known: set[str]) -> list[RuleView]:
    shown = [pair for pair in rules if pair[0].strip() or pair[1]]
    counts = count_rules(page.ctx, page.store.id, kind, [pattern for pattern, _ in shown])
    return [
        RuleView(
            pattern,
            category,
            count.matches,
            # Whether a category is missing or gone is two things; the first is said beside it.
            is_category_known=category in known or not category,
            kind=kind,
            decides=count.decides,
        )
        for (pattern, category), count in zip(shown, counts, strict=True)
    ]


def _lists(rules: Sequence[RuleView], values: Sequence[RuleView]) -> list[RuleList]:
    def words(each: RuleView) -> str:
        return match_words(each.matches, each.decides)

    return [
        RuleList(
            CLASSIFICATION, "rule", "COVA classification", "cova-paths",
            list(rules), [words(each) for each in rules],
        ),
        RuleList(
            SPECIFICATION, "spec", "Menu category or product type", "cova-values",
            list(values), [words(each) for each in values],
        ),
    ]  # fmt: skip


def _answer(page: StorePage, form: PosSettingsForm, *, status: int) -> ResponseReturnValue:
    if is_htmx():
        return page.fragment("pos_settings/_form.html", form, status=status)
    return page.render("pos_settings/page.html", form, section="pos_settings", status=status)


def _renumbered(errors: dict[str, str], lists: dict[str, Pairs]) -> dict[str, str]:
    """The errors, their positions counted without the empty rows that are left out."""
    positions: dict[str, str] = {}
    for prefix, rules in lists.items():
        shown = 0
        for position, (pattern, category) in enumerate(rules):
            if pattern.strip() or category:
                positions[f"{prefix}-{position}"] = f"{prefix}-{shown}"
                shown += 1
    # A rule that came from the inbox has no row of its own yet.
    return {
        positions.get(name, "form" if name.startswith(("rule-", "spec-")) else name): text
        for name, text in errors.items()
    }
