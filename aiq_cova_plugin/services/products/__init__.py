"""One product at a time: looked at, compared, locked, excluded, taken from COVA."""
