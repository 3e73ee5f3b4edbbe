"""Connects AIQ Ecommerce to COVA, the dispensary's point of sale."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aiq_cova_plugin.extension import CovaPlugin

__version__ = "0.1.0"
__all__ = ["CovaPlugin", "__version__"]


def __getattr__(name: str) -> Any:
    # Loaded on first use: the simulator and `flask`'s command discovery import this
    # package without needing the whole of it.
    if name == "CovaPlugin":
        from aiq_cova_plugin.extension import CovaPlugin

        return CovaPlugin
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
