"""Schedules, and the lease of the server that follows them."""

import sqlalchemy as sa
from alembic import op

revision = "schedules"
down_revision = "users"


def upgrade() -> None:
    op.create_table(
        "leases",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("owner", sa.Text()),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "schedules",
        sa.Column("definition", sa.Text(), nullable=False),
        sa.Column("spec", sa.Text(), nullable=False),
        sa.Column("next_at", sa.BigInteger()),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("last_at", sa.BigInteger()),
        sa.Column("last_run", sa.String(length=36)),
        sa.Column("skipped_at", sa.BigInteger()),
        sa.Column("skipped_why", sa.String(length=16)),
        sa.PrimaryKeyConstraint("definition"),
    )
