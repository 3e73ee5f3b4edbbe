"""`flask cova …`: every command calls one service and shows its result."""

from aiq_cova_plugin.cli.group import cova

from aiq_cova_plugin.cli import (  # isort: skip
    catalogue,
    orders,
    personal_data,
    products,
    setup,
    specifications,
    upkeep,
)

__all__ = [
    "catalogue",
    "cova",
    "orders",
    "personal_data",
    "products",
    "setup",
    "specifications",
    "upkeep",
]
