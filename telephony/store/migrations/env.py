"""Alembic's entry: runs the missing versions on the connection that `telephony.store.migrate` hands over."""

from __future__ import annotations

from alembic import context

from telephony.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite changes a table by copying it
)
context.run_migrations()
