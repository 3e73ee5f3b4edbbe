"""Alembic's entry: runs the migrations on the connection it is handed."""

from typing import Literal

from alembic import context

from aiq_cova_plugin.store.models import TABLE_PREFIX, VERSION_TABLE, Base
from aiq_cova_plugin.store.types import Scaled, UtcDateTime


def _is_ours(name: str | None, kind: str, _parents: object) -> bool:
    return kind != "table" or (name or "").startswith(TABLE_PREFIX)


def _render_plainly(kind: str, item: object, _autogen: object) -> str | Literal[False]:
    # A migration must not change when our column types do, so it names the plain ones.
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime()"
    if kind == "type" and isinstance(item, Scaled):
        return "sa.BigInteger()"
    return False


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    version_table=VERSION_TABLE,
    include_name=_is_ours,
    render_item=_render_plainly,
    compare_type=True,
    render_as_batch=connection.dialect.name == "sqlite",
)
with context.begin_transaction():
    context.run_migrations()
