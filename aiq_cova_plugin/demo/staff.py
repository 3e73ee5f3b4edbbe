"""The back office: its frame and sign-in. Its pages are in the other `staff_…` modules."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import Flask, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.security import check_password_hash, generate_password_hash

# Imported for the pages they add to the blueprint.
from aiq_cova_plugin.demo import staff_orders, staff_products, staff_store  # noqa: F401
from aiq_cova_plugin.demo.models import StaffUser, db
from aiq_cova_plugin.demo.staff_access import (
    current_user,
    current_user_may,
    sign_in,
    sign_out,
    stores_of,
)
from aiq_cova_plugin.demo.staff_blueprint import blueprint

# Compared against when there is no such user, so that both answers take the same time.
_NOBODY = generate_password_hash("nobody")


def init_app(app: Flask) -> None:
    """Register the back office; its layout also frames the plugin's pages."""
    app.register_blueprint(blueprint)
    app.context_processor(_frame)


def _frame() -> dict[str, Any]:
    """What the layout needs on every page: the user, their stores and the one that is open.

    The plugin's pages are rendered in this frame too; `store_id` is in their address as well.
    """
    user = current_user()
    if user is None:
        return {"staff_user": None, "staff_stores": [], "staff_store": None}
    stores = stores_of(user)
    wanted = str((request.view_args or {}).get("store_id", ""))
    store = next((each for each in stores if str(each.id) == wanted), None)
    return {
        "staff_user": user,
        "staff_stores": stores,
        "staff_store": store or (stores[0] if stores else None),
        "staff_may": current_user_may,
    }


@blueprint.get("/login")
def login() -> ResponseReturnValue:
    return render_template("demo/staff/login.html", username="", failed=False)


@blueprint.post("/login")
def check_login() -> ResponseReturnValue:
    username = request.form.get("username", "").strip()[:60]
    user = db.session.scalar(sa.select(StaffUser).where(StaffUser.username == username))
    known_hash = user.password_hash if user is not None else _NOBODY
    matches = check_password_hash(known_hash, request.form.get("password", "")[:200])
    if user is None or not matches:
        return render_template("demo/staff/login.html", username=username, failed=True), 422
    sign_in(user)
    return redirect(_own_address(request.args.get("next")) or url_for(".index"), 303)


@blueprint.post("/logout")
def logout() -> ResponseReturnValue:
    sign_out()
    return redirect(url_for(".login"), 303)


@blueprint.get("/")
def index() -> ResponseReturnValue:
    """The dashboard of the user's first store."""
    user = current_user()
    if user is None:
        return redirect(url_for(".login"))
    stores = stores_of(user)
    return redirect(url_for(".dashboard", store_id=stores[0].id)) if stores else abort(403)


def _own_address(address: str | None) -> str | None:
    """The address when it leads to a page of this site, else None."""
    if address is None or not address.startswith("/") or address[:2] in ("//", "/\\"):
        return None
    return address
