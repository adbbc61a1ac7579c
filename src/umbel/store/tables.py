"""The tables of the history. All times are milliseconds UTC; JSON is kept as text, as it came."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

metadata: Final = MetaData()

ID: Final = String(36)
# SQLite only numbers rows by itself in a column whose type is spelled INTEGER.
NUMBER: Final = BigInteger().with_variant(Integer, "sqlite")

plans: Final = Table(
    "plans",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("definition", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

runs: Final = Table(
    "runs",
    metadata,
    Column("id", ID, primary_key=True),
    Column("definition", Text, nullable=False),
    Column("project", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("settled", Boolean, nullable=False),
    Column("payload", Text, nullable=False),
    Column("comment", Text),
    Column("plan_hash", String(64), nullable=False),
    Column("partition", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("started_at", BigInteger),
    Column("finished_at", BigInteger),
    Column("updated_at", BigInteger, nullable=False),
    Column("periodic", Boolean, nullable=False),
    Column("relaunch_of", ID),
    Column("tasks_total", Integer, nullable=False),
    Column("tasks_done", Integer, nullable=False),
    Column("retries", Integer, nullable=False),
    Column("failed_task", Text),
    Column("error", Text),
    Column("last_seq", BigInteger, nullable=False),
    Column("stopped", Boolean, nullable=False, server_default=false()),
    Column("paused", Boolean, nullable=False, server_default=false()),
    Column("epoch", Integer, nullable=False, server_default="1"),
    Column("maps", Text, nullable=False, server_default="[]"),
    Column("deadline_at", BigInteger),
    Column("rerun", Text),
    Column("parent_run", ID),
    Column("parent_task", Text),
    Column("root_run", ID),
    Column("limit_key", Text),
    Column("limit_runs", Integer),
    Column("held", Boolean, nullable=False, server_default=false()),
    Column("evicted", Boolean, nullable=False, server_default=false()),
    Column("traceparent", String(128)),
    Index("runs_newest", "created_at", "id"),
    Index("runs_by_state", "state", "created_at", "id"),
    Index("runs_by_definition", "definition", "created_at", "id"),
    Index("runs_by_definition_and_state", "definition", "state", "created_at", "id"),
    Index("runs_by_end", "finished_at"),
    Index("runs_live", "created_at", sqlite_where=text("settled = 0"), postgresql_where=text("NOT settled")),
    Index(
        "runs_limited",
        "limit_key",
        sqlite_where=text("settled = 0 AND limit_key IS NOT NULL"),
        postgresql_where=text("NOT settled AND limit_key IS NOT NULL"),
    ),
    Index("runs_of_parent", "parent_run"),
)
"""`RunRow` says what the columns mean."""

tasks: Final = Table(
    "tasks",
    metadata,
    Column("run_id", ID, nullable=False),
    Column("idx", Integer, nullable=False),
    Column("key", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("queued_at", BigInteger),
    Column("started_at", BigInteger),
    Column("finished_at", BigInteger),
    Column("due_at", BigInteger),
    Column("result", Text),
    Column("exception", Text),
    Column("error_type", Text),
    Column("traceback", Text),
    Column("updated_at", BigInteger, nullable=False),
    Column("child", ID),
    PrimaryKeyConstraint("run_id", "idx"),
)

attempts: Final = Table(
    "attempts",
    metadata,
    Column("run_id", ID, nullable=False),
    Column("idx", Integer, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("worker", Text),
    Column("pid", BigInteger),
    Column("queued_at", BigInteger),
    Column("started_at", BigInteger),
    Column("finished_at", BigInteger),
    Column("outcome", String(16), nullable=False),
    Column("exception", Text),
    Column("error_type", Text),
    Column("traceback", Text),
    Column("countdown", Float),
    Column("due_at", BigInteger),
    Column("late_outcome", Text),
    PrimaryKeyConstraint("run_id", "idx", "epoch", "attempt"),
)

events: Final = Table(
    "events",
    metadata,
    Column("id", NUMBER, primary_key=True, autoincrement=False),
    Column("run_id", ID, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("type", String(32), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("idx", Integer),
    Column("attempt", Integer),
    Column("data", Text, nullable=False),
    UniqueConstraint("run_id", "seq", name="events_of_run"),
)

logs: Final = Table(
    "logs",
    metadata,
    Column("id", NUMBER, primary_key=True),
    Column("run_id", ID, nullable=False),
    Column("idx", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("stream", String(16), nullable=False),
    Column("line", Text, nullable=False),
    Index("logs_of_run", "run_id", "id"),
)

positions: Final = Table(
    "positions",
    metadata,
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("stream_id", String(64), nullable=False),
    Column("generation", BigInteger, nullable=False, server_default="0"),
)
"""How far each partition's events are projected. `generation` is raised by who changes rows beside the projector."""

counters: Final = Table(
    "counters",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("value", BigInteger, nullable=False),
)
"""One row, `events`: the number of the newest event. It never goes back, whatever retention deletes."""

idempotency: Final = Table(
    "idempotency",
    metadata,
    Column("scope", String(200), nullable=False),
    Column("key", String(200), nullable=False),
    Column("request_hash", String(64), nullable=False),
    Column("run_id", ID, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("scope", "key"),
    Index("idempotency_by_age", "created_at"),
)

leases: Final = Table(
    "leases",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("owner", Text),
    Column("epoch", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
)

schedules: Final = Table(
    "schedules",
    metadata,
    Column("definition", Text, primary_key=True),
    Column("spec", Text, nullable=False),
    Column("next_at", BigInteger),
    Column("paused", Boolean, nullable=False),
    Column("last_at", BigInteger),
    Column("last_run", ID),
    Column("skipped_at", BigInteger),
    Column("skipped_why", String(16)),
)

users: Final = Table(
    "users",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("password_hash", String(255), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("scope", String(8), nullable=False, server_default="admin"),
)

deliveries: Final = Table(
    "deliveries",
    metadata,
    Column("id", ID, primary_key=True),
    Column("run_id", ID, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("event", String(16), nullable=False),
    Column("url", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("status", String(16), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("due_at", BigInteger),
    Column("until_at", BigInteger),
    Column("finished_at", BigInteger),
    Column("attempts", Integer, nullable=False),
    Column("earlier", Integer, nullable=False),
    Index("deliveries_of_run", "run_id"),
    Index("deliveries_newest", "created_at", "id"),
    Index(
        "deliveries_due", "due_at", sqlite_where=text("due_at IS NOT NULL"), postgresql_where=text("due_at IS NOT NULL")
    ),
)
"""What webhooks are to be told (`DeliveryRow`). `until_at`: from then on no attempt follows a failed one; `earlier`:
attempts before the present series."""

delivery_attempts: Final = Table(
    "delivery_attempts",
    metadata,
    Column("delivery_id", ID, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("run_id", ID, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("status", Integer),
    Column("took", BigInteger),
    Column("error", Text),
    Column("answer", Text, nullable=False),
    PrimaryKeyConstraint("delivery_id", "attempt"),
    Index("delivery_attempts_of_run", "run_id"),
)
