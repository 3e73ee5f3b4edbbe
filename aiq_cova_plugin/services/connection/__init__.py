"""Connecting a store: its settings, whether COVA accepts them, what is missing."""
