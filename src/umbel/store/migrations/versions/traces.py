"""The caller's place in a trace."""

import sqlalchemy as sa
from alembic import op

revision = "traces"
down_revision = "webhooks"


def upgrade() -> None:
    op.add_column("runs", sa.Column("traceparent", sa.String(length=128)))
