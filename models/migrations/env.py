"""Alembic's entry: runs the migrations in the transaction that the caller opened."""

from alembic import context

from models.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
