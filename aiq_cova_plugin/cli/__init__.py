"""`flask cova …`: every command calls one service and shows its result."""

from aiq_cova_plugin.cli.group import cova

from aiq_cova_plugin.cli import catalogue, orders, setup, upkeep  # isort: skip

__all__ = ["catalogue", "cova", "orders", "setup", "upkeep"]
