"""Looking on: is all well, and what needs a person."""
