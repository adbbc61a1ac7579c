"""Run by Alembic: migrates over the connection that `Database.upgrade` hands in, inside its transaction."""

from alembic import context

from umbel.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite can roll DDL back when BEGIN is sent properly, which `database.py` does; Alembic assumes that it is not.
    transactional_ddl=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
