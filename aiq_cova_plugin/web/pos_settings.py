"""Store > Settings > POS: who owns which field, and where products land."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from flask import request
from flask.typing import ResponseReturnValue

from aiq_cova_plugin.services.pos_settings import (
    InvalidPosSettings,
    PosSettings,
    RuleView,
    count_matches,
    read_pos_settings,
    save_pos_settings,
)
from aiq_cova_plugin.web.access import needs
from aiq_cova_plugin.web.htmx import is_htmx
from aiq_cova_plugin.web.page import StorePage
from aiq_cova_plugin.web.view_models import counted


@dataclass(frozen=True)
class PosSettingsForm:
    """The form as it is shown; `chosen` is what was picked for the unmapped values."""

    settings: PosSettings
    rules: list[RuleView]
    chosen: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)


@needs("configure")
def show_or_save(page: StorePage) -> ResponseReturnValue:
    if request.method == "POST":
        return _save(page)
    settings = read_pos_settings(page.ctx, page.store.id)
    form = PosSettingsForm(settings, settings.rules)
    return page.render("pos_settings/page.html", form, section="pos_settings")


def _save(page: StorePage) -> ResponseReturnValue:
    rules = _typed_rules()
    inbox = _typed_inbox()
    new_rules = [(path, category) for path, category in inbox.items() if category]
    cova_fields = request.form.getlist("cova_fields") if "fields_shown" in request.form else None
    fallback = request.form.get("fallback_category_id") or None
    try:
        save_pos_settings(
            page.ctx,
            page.store.id,
            cova_fields=cova_fields,
            rules=rules + new_rules,
            fallback_category_id=fallback,
            by=page.actor,
        )
    except InvalidPosSettings as exc:
        form = _typed_form(page, exc, rules=rules, inbox=inbox, owned=cova_fields)
        form = replace(form, settings=replace(form.settings, fallback_category_id=fallback))
        if is_htmx():
            return page.fragment("pos_settings/_form.html", form, status=422)
        return page.render("pos_settings/page.html", form, section="pos_settings", status=422)
    done = "Saved. The next sync applies it to every product; it starts by itself."
    if is_htmx():
        settings = read_pos_settings(page.ctx, page.store.id)
        form = PosSettingsForm(settings, settings.rules)
        return page.fragment("pos_settings/_form.html", form, toast=("ok", done))
    return page.go_to(page.url("pos_settings"), notice=done)


@needs("configure")
def matches(page: StorePage) -> ResponseReturnValue:
    """How many products a rule would match, while it is being typed."""
    pattern = request.args.get("rule_pattern", "")
    return page.fragment("pos_settings/_matches.html", matches_words(page, pattern))


def matches_words(page: StorePage, pattern: str) -> str:
    """The number of products a pattern matches, in words; empty for an empty pattern."""
    if not pattern.strip():
        return ""
    number = count_matches(page.ctx, page.store.id, pattern)
    return f"matches {counted(number, 'product')}" if number else "matches no product"


def _typed_rules() -> list[tuple[str, str]]:
    """The rules in the order they stand on the page, without those ticked for removal."""
    patterns = request.form.getlist("rule_pattern")
    categories = request.form.getlist("rule_category")
    removed = set(request.form.getlist("rule_remove"))
    return [
        (pattern, category)
        for position, (pattern, category) in enumerate(zip(patterns, categories, strict=False))
        if str(position) not in removed
    ]


def _typed_inbox() -> dict[str, str]:
    """dict: unmapped COVA classification → the category chosen for it, empty for none."""
    paths = request.form.getlist("inbox_path")
    return dict(zip(paths, request.form.getlist("inbox_category"), strict=False))


def _typed_form(
    page: StorePage,
    error: InvalidPosSettings,
    *,
    rules: list[tuple[str, str]],
    inbox: dict[str, str],
    owned: list[str] | None,
) -> PosSettingsForm:
    settings = read_pos_settings(page.ctx, page.store.id)
    if owned is not None:
        owners = [replace(each, is_cova=each.name in owned) for each in settings.owners]
        settings = replace(settings, owners=owners)
    return PosSettingsForm(
        settings,
        [
            RuleView(pattern, category, count_matches(page.ctx, page.store.id, pattern))
            for pattern, category in rules
            if pattern.strip() or category
        ],
        inbox,
        _renumbered(error.errors, rules),
    )


def _renumbered(errors: dict[str, str], rules: list[tuple[str, str]]) -> dict[str, str]:
    """The errors, their positions counted without the empty rows that are left out."""
    positions: dict[str, str] = {}
    shown = 0
    for position, (pattern, category) in enumerate(rules):
        if pattern.strip() or category:
            positions[f"rule-{position}"] = f"rule-{shown}"
            shown += 1
    # A rule that came from the inbox has no row of its own yet.
    return {
        positions.get(name, "form" if name.startswith("rule-") else name): text
        for name, text in errors.items()
    }
