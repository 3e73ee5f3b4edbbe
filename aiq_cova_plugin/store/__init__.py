"""Remembers: the only room with SQLAlchemy. Repositories never commit; services do."""
