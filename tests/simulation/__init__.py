"""Weeks in the life of a shop, played in seconds: one process, one thread, one virtual clock."""
