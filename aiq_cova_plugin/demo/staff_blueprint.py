"""The blueprint of the back office. Each `staff_…` module adds its own pages to it."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("staff", __name__, url_prefix="/staff")
