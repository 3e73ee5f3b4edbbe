"""Speaks to COVA: the only room with `requests`."""
