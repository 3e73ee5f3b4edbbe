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
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.Column("cova_product_id", sa.String(length=64), nullable=False),
        sa.Column("action", sa.String(length=16), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cova_run_change")),
    )
    with op.batch_alter_table("cova_run_change", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_cova_run_change_cova_product_id"), ["cova_product_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_cova_run_change_run_id"), ["run_id"], unique=False)

    with op.batch_alter_table("cova_alert", schema=None) as batch_op:
        batch_op.add_column(sa.Column("raised_told_at", sa.DateTime(), nullable=True))
        batch_op.add_column(sa.Column("resolved_told_at", sa.DateTime(), nullable=True))

    with op.batch_alter_table("cova_product", schema=None) as batch_op:
        batch_op.add_column(sa.Column("compared_at", sa.DateTime(), nullable=True))
        batch_op.add_column(
            sa.Column("is_awaited", sa.Boolean(), nullable=False, server_default=sa.text("'0'"))
        )

    with op.batch_alter_table("cova_push", schema=None) as batch_op:
        batch_op.add_column(sa.Column("company_id", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("location_id", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("phone_encrypted", sa.Text(), nullable=True))
    # Who runs already has heard of the alerts there are.
    op.execute("UPDATE cova_alert SET raised_told_at = raised_at, resolved_told_at = resolved_at")
    op.execute(
        "UPDATE cova_hold SET reason = "
        "'expired: nobody said within three days what became of the order' "
        "WHERE reason = 'expired: never confirmed or cancelled'"
    )
    # Orders that were sent belong where their store was connected.
    op.execute(
        "UPDATE cova_push SET company_id = (SELECT c.company_id FROM cova_connection c "
        "WHERE c.store_id = cova_push.store_id) WHERE submitted_at IS NOT NULL"
    )
    op.execute(
        "UPDATE cova_push SET location_id = (SELECT c.location_id FROM cova_connection c "
        "WHERE c.store_id = cova_push.store_id) WHERE submitted_at IS NOT NULL"
    )


def downgrade() -> None:
    op.execute(
        "UPDATE cova_hold SET reason = 'expired: never confirmed or cancelled' WHERE reason = "
        "'expired: nobody said within three days what became of the order'"
    )
    with op.batch_alter_table("cova_push", schema=None) as batch_op:
        batch_op.drop_column("phone_encrypted")
        batch_op.drop_column("location_id")
        batch_op.drop_column("company_id")

    with op.batch_alter_table("cova_product", schema=None) as batch_op:
        batch_op.drop_column("is_awaited")
        batch_op.drop_column("compared_at")

    with op.batch_alter_table("cova_alert", schema=None) as batch_op:
        batch_op.drop_column("resolved_told_at")
        batch_op.drop_column("raised_told_at")

    with op.batch_alter_table("cova_run_change", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_cova_run_change_run_id"))
        batch_op.drop_index(batch_op.f("ix_cova_run_change_cova_product_id"))

    op.drop_table("cova_run_change")
