"""What the plugin does: one verb per module, a folder for each part of the journey.

Pages, commands and timers only call these. docs/architecture.md says which folder uses which.
"""
