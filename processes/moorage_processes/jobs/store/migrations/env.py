"""What Alembic runs: the steps that a store has not had, on the connection it is given."""

from alembic import context

from moorage_processes.jobs.store.schema_version import TABLE

context.configure(connection=context.config.attributes["connection"], version_table=TABLE)
context.run_migrations()
