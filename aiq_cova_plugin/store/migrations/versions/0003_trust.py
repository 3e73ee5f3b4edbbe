"""What each run changed, and alerts told for certain

Revision: 0003, after: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "cova_run_change",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.Column("cova_product_id", sa.String(length=64), nullable=False),
        sa.Column("action", sa.String(length=16), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cova_run_change")),
    )
    with op.batch_alter_table("cova_run_change", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_cova_run_change_run_id"), ["run_id"], unique=False)

    with op.batch_alter_table("cova_alert", schema=None) as batch_op:
        batch_op.add_column(sa.Column("raised_told_at", sa.DateTime(), nullable=True))
        batch_op.add_column(sa.Column("resolved_told_at", sa.DateTime(), nullable=True))
    # Who runs already has heard of the alerts there are.
    op.execute("UPDATE cova_alert SET raised_told_at = raised_at, resolved_told_at = resolved_at")


def downgrade() -> None:
    with op.batch_alter_table("cova_alert", schema=None) as batch_op:
        batch_op.drop_column("resolved_told_at")
        batch_op.drop_column("raised_told_at")

    with op.batch_alter_table("cova_run_change", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_cova_run_change_run_id"))

    op.drop_table("cova_run_change")
