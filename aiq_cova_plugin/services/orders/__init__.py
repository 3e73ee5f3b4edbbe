"""Confirmed orders on their way out, each to COVA exactly once, and what COVA says of them."""
