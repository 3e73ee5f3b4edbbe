"""Store > Integrations > COVA: the two toggles, the six fields, Test connection, Save."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from flask import request
from flask.typing import ResponseReturnValue

from aiq_cova_plugin.errors import NeedsOperator
from aiq_cova_plugin.host import Store
from aiq_cova_plugin.services.connection.check_connection import CheckStep
from aiq_cova_plugin.services.connection.connection_settings import (
    InvalidSettings,
    SettingsView,
    check_settings,
    read_settings,
    save_settings,
)
from aiq_cova_plugin.services.connection.shared_login import (
    SharedSave,
    give_secrets_to,
    stores_with_same_login,
)
from aiq_cova_plugin.web.access import needs
from aiq_cova_plugin.web.htmx import is_htmx
from aiq_cova_plugin.web.page import StorePage
from aiq_cova_plugin.web.words.view_models import CONNECTION_WORDS, Words, words_of

TOGGLES = ("enabled", "sync_orders")
TEXTS = (
    "company_id",
    "location_id",
    "username",
    "client_id",
    "integrator_id",
    "delivery_fee_product",
)
SECRETS = ("password", "client_secret")
_SHARE = "share_secrets"
_FORM_ERROR = "form"
_STEP_NAMES = {
    "log_in": "Log in",
    "products": "Read products",
    "location": "Find the location",
}


@dataclass(frozen=True)
class GuideStep:
    """One step of connecting a store for the first time; `state` is done, now or later."""

    name: str
    state: str


@dataclass(frozen=True)
class SettingsForm:
    """The form as it is shown: what is saved or was typed, never a secret."""

    saved: SettingsView
    values: dict[str, str]
    checked: dict[str, bool]
    state: Words
    errors: dict[str, str] = field(default_factory=dict)
    fix: str = ""
    steps: list[tuple[str, CheckStep]] = field(default_factory=list)
    was_tested: bool = False
    must_retype: bool = False
    store_needs_phone: bool = True
    same_login: list[Store] = field(default_factory=list)
    preview_url: str = ""

    @property
    def guide(self) -> list[GuideStep]:
        """What is left to do until this store is connected; empty once it was."""
        return [] if self.saved.state in ("ready", "frozen") else _guide(self.saved)

    @property
    def stops_deliveries(self) -> bool:
        """Would an order with a delivery fee stop, with what is typed or saved?"""
        return self.checked["sync_orders"] and not self.values["delivery_fee_product"].strip()

    @property
    def form_error(self) -> str:
        """What is wrong with the form as a whole, or with a field it does not have."""
        shown = {*TOGGLES, *TEXTS, *SECRETS}
        return next((text for name, text in self.errors.items() if name not in shown), "")


@needs("configure")
def show_or_save(page: StorePage) -> ResponseReturnValue:
    if request.method == "POST":
        return _save(page)
    return page.render("settings/page.html", _saved_form(page), section="settings")


def _save(page: StorePage) -> ResponseReturnValue:
    raw = _typed()
    try:
        saved = save_settings(page.ctx, page.store.id, raw, by=page.actor)
    except NeedsOperator as exc:
        return _answer(page, _typed_form(page, raw, exc), status=422)
    done = _what_happens_next(saved)
    if request.form.get(_SHARE):
        others = stores_with_same_login(page.ctx, page.store.id)
        done += _what_others_got(give_secrets_to(page.ctx, others, raw, by=page.actor))
    if is_htmx():
        return page.fragment("settings/_form.html", _saved_form(page), toast=("ok", done))
    return page.go_to(page.url("settings"), notice=done)


@needs("configure")
def test_connection(page: StorePage) -> ResponseReturnValue:
    """Try what was typed; nothing is saved, and what was typed stays in the browser."""
    raw = _typed()
    try:
        steps, error = check_settings(page.ctx, page.store.id, raw), None
    except NeedsOperator as exc:
        steps, error = [], exc
    form = replace(_typed_form(page, raw, error, steps), was_tested=True)
    status = 200 if error is None else 422
    if is_htmx():
        return page.fragment("settings/_check.html", form, status=status, field_errors=form.errors)
    return _answer(page, form, status=status)


def _answer(page: StorePage, form: SettingsForm, *, status: int) -> ResponseReturnValue:
    if is_htmx():
        return page.fragment("settings/_form.html", form, status=status)
    return page.render("settings/page.html", form, section="settings", status=status)


def _typed() -> dict[str, Any]:
    """The form's fields. A toggle that is not sent is off, as browsers have it."""
    raw: dict[str, Any] = {name: request.form.get(name) or False for name in TOGGLES}
    for name in (*TEXTS, *SECRETS):
        if name in request.form:
            raw[name] = request.form[name]
    return raw


def _saved_form(page: StorePage) -> SettingsForm:
    saved = read_settings(page.ctx, page.store.id)
    errors = {}
    if saved.check_ok is False and saved.check_message:
        errors = {saved.check_field or _FORM_ERROR: saved.check_message}
    return SettingsForm(
        saved=saved,
        values={name: str(getattr(saved, name)) for name in TEXTS},
        checked={name: bool(getattr(saved, name)) for name in TOGGLES},
        state=words_of(CONNECTION_WORDS, saved.state),
        errors=errors,
        store_needs_phone=page.ctx.host.checkout_requires_phone(page.store.id),
        same_login=stores_with_same_login(page.ctx, page.store.id),
        preview_url=page.url("preview") if saved.state != "not_connected" else "",
    )


def _typed_form(
    page: StorePage,
    raw: dict[str, Any],
    error: NeedsOperator | None,
    steps: list[CheckStep] | None = None,
) -> SettingsForm:
    """The form with what was typed, and what is wrong with it; secrets stay behind."""
    saved = read_settings(page.ctx, page.store.id)
    errors: dict[str, str] = {}
    fix = ""
    if isinstance(error, InvalidSettings):
        errors, fix = error.errors, error.fix
    elif error is not None:
        errors, fix = {_FORM_ERROR: error.message}, error.fix
    for step in steps or []:
        if not step.ok:
            errors, fix = {step.field or _FORM_ERROR: step.message}, step.fix
    return SettingsForm(
        saved=saved,
        values={name: str(raw.get(name, getattr(saved, name))) for name in TEXTS},
        checked={name: _is_on(raw[name]) for name in TOGGLES},
        state=words_of(CONNECTION_WORDS, saved.state),
        errors=errors,
        fix=fix,
        steps=[(_STEP_NAMES.get(step.name, step.name), step) for step in steps or []],
        must_retype=any(raw.get(name) for name in SECRETS),
        store_needs_phone=page.ctx.host.checkout_requires_phone(page.store.id),
        same_login=stores_with_same_login(page.ctx, page.store.id),
        preview_url=page.url("preview") if saved.state != "not_connected" else "",
    )


def _is_on(value: Any) -> bool:
    return str(value).strip().lower() in {"on", "true", "t", "y", "yes", "1"}


def _what_happens_next(saved: SettingsView) -> str:
    if saved.state == "ready" and saved.sync_orders and not saved.delivery_fee_product:
        return (
            "Saved. COVA accepts the connection. Orders with a delivery fee will stop: give the "
            "delivery fee product."
        )
    if saved.state == "ready":
        return "Saved. COVA accepts the connection, and the first products arrive within seconds."
    if saved.state == "not_ready" and saved.enabled:
        return "Saved. Products sync, but orders cannot be sent without an Integrator ID."
    if saved.state == "frozen":
        return "Saved. COVA is switched off for this store; its menu stays as it is."
    return "Saved. Switch COVA on when all six fields are filled in."


def _what_others_got(shared: SharedSave) -> str:
    said = ""
    if shared.taken:
        said += f" {_named(shared.taken)} got the new secrets too."
    for store, reason in shared.refused:
        said += f" {store.name} kept the old ones: {reason}"
    return said


def _named(stores: tuple[Store, ...]) -> str:
    *most, last = [store.name for store in stores]
    return f"{', '.join(most)} and {last}" if most else last


def _guide(saved: SettingsView) -> list[GuideStep]:
    """The steps in order; the first that is not done is the one to do now."""
    has_all = all(
        (
            saved.company_id,
            saved.location_id,
            saved.username,
            saved.has_password,
            saved.client_id,
            saved.has_client_secret,
        )
    )
    is_accepted = saved.check_ok is True
    is_done = {
        "ask": has_all or is_accepted,
        "password": is_accepted,
        "test": is_accepted,
        "switch_on": saved.enabled,
    }
    now = next((name for name, done in is_done.items() if not done), None)
    return [
        GuideStep(name, "done" if done else "now" if name == now else "later")
        for name, done in is_done.items()
    ]
