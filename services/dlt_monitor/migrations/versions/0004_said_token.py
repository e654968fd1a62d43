"""Lets a process that remembers what it said of a study see whether anything was said since."""

from alembic import op

revision = "monitor_0004"
down_revision = "monitor_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE dlt_monitor.study ADD COLUMN said_token uuid")


def downgrade() -> None:
    op.execute("ALTER TABLE dlt_monitor.study DROP COLUMN said_token")
