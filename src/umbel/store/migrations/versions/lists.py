"""The runs of one definition in one state, in order of time."""

from alembic import op

revision = "lists"
down_revision = "traces"


def upgrade() -> None:
    op.create_index("runs_by_definition_and_state", "runs", ["definition", "state", "created_at", "id"])
