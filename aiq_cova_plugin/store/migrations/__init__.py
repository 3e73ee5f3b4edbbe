"""The plugin's own Alembic environment, with its own version table (decision 0003)."""
