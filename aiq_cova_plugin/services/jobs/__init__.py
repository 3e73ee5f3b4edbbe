"""When work is due, and work that goes on in the background."""
