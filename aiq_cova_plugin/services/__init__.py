"""What the plugin does: one verb per module. Pages, commands and timers only call these."""
