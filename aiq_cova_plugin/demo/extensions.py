"""The Flask extensions of the shop, made once and bound to each app by `create_app`."""

from __future__ import annotations

from flask_wtf import CSRFProtect

from aiq_cova_plugin import CovaPlugin

cova = CovaPlugin()
csrf = CSRFProtect()
