"""What Alembic runs for every schema's history: one schema, its version table inside it.

The connection and the schema's name come from `shared.runtime.db.migrate`.
"""

from alembic import context

schema = context.config.attributes["schema"]

context.configure(
    connection=context.config.attributes["connection"],
    version_table="alembic_version",
    version_table_schema=schema,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
