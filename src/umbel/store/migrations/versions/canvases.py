"""Definitions that came as a Celery canvas."""

import sqlalchemy as sa
from alembic import op

revision = "canvases"
down_revision = "rerun"


def upgrade() -> None:
    op.create_table(
        "defined_canvases",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("canvas", sa.Text(), nullable=False),
        sa.Column("defined_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
