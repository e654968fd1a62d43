"""The Alembic environment shared by every schema's history."""
