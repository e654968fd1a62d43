"""Finds what persons put on record without looking at every fact of a study."""

from alembic import op

revision = "monitor_0005"
down_revision = "monitor_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "CREATE INDEX fact_act ON dlt_monitor.fact (study, number)"
        " WHERE kind IN ('dlt_review', 'decision')"
    )


def downgrade() -> None:
    op.execute("DROP INDEX dlt_monitor.fact_act")
