"""Maps, sub-runs, pauses, new epochs of a run, and limits on how many runs are live at a time."""

import sqlalchemy as sa
from alembic import op

revision = "rerun"
down_revision = "schedules"


def upgrade() -> None:
    for column in (
        sa.Column("stopped", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("paused", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("epoch", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("maps", sa.Text(), nullable=False, server_default="[]"),
        sa.Column("deadline_at", sa.BigInteger()),
        sa.Column("rerun", sa.Text()),
        sa.Column("parent_run", sa.String(length=36)),
        sa.Column("parent_task", sa.Text()),
        sa.Column("root_run", sa.String(length=36)),
        sa.Column("limit_key", sa.Text()),
        sa.Column("limit_runs", sa.Integer()),
        sa.Column("held", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("evicted", sa.Boolean(), nullable=False, server_default=sa.false()),
    ):
        op.add_column("runs", column)
    op.execute("UPDATE runs SET stopped = TRUE WHERE state = 'canceled'")
    op.add_column("tasks", sa.Column("child", sa.String(length=36)))
    op.add_column("positions", sa.Column("generation", sa.BigInteger(), nullable=False, server_default="0"))
    op.create_index(
        "runs_limited",
        "runs",
        ["limit_key"],
        sqlite_where=sa.text("settled = 0 AND limit_key IS NOT NULL"),
        postgresql_where=sa.text("NOT settled AND limit_key IS NOT NULL"),
    )
    op.create_index("runs_of_parent", "runs", ["parent_run"])
