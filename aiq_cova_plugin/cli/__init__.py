"""`flask cova …`: every command calls one service and shows its result.

`flask` imports this at every start of any command, whether or not it is ours, so the commands
and all they need are imported when one of them is asked for.
"""

from aiq_cova_plugin.cli.group import cova

__all__ = ["cova"]
