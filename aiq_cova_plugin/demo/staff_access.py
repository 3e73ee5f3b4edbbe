"""Who is signed in to the back office, and what they may do where. Default: nobody, nothing."""

from __future__ import annotations

from flask import abort, g, has_request_context, session

from aiq_cova_plugin.demo.models import StaffUser, Store, db

ACTIONS = ("view", "sync", "configure", "orders")
_SESSION_KEY = "staff_id"


def current_user() -> StaffUser | None:
    """The signed-in staff member of this request, or None."""
    if not has_request_context():
        return None
    if "staff_user" not in g:
        user_id = session.get(_SESSION_KEY)
        g.staff_user = db.session.get(StaffUser, user_id) if user_id is not None else None
    user: StaffUser | None = g.staff_user
    return user


def current_user_may(action: str, store_id: str | int) -> bool:
    """May the signed-in user do this in that store? False for every doubt."""
    user = current_user()
    text = str(store_id)
    return (
        user is not None
        and action in ACTIONS
        and text.isascii()
        and text.isdecimal()
        and user.may(action, int(text))
    )


def require(action: str, store_id: int) -> Store:
    """The store, for a user who may do the action in it; else the answer is 403 or 404."""
    if not current_user_may(action, store_id):
        abort(403)
    return db.get_or_404(Store, store_id)


def stores_of(user: StaffUser) -> list[Store]:
    """The stores this user may see, in the shop's order."""
    return [
        store
        for store in db.session.scalars(db.select(Store).order_by(Store.id))
        if user.may("view", store.id)
    ]


def sign_in(user: StaffUser) -> None:
    """Remember the user in this browser's session."""
    session[_SESSION_KEY] = user.id
    g.staff_user = user


def sign_out() -> None:
    """Forget who was signed in."""
    session.pop(_SESSION_KEY, None)
    g.pop("staff_user", None)
