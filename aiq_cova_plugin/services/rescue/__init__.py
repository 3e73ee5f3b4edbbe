"""Orders that stopped: what a person may do so that they go on, or end."""
