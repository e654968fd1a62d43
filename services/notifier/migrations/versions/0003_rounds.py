"""How often an alert was told again is said by its deliveries, and written nowhere else."""

from alembic import op

revision = "notifier_0003"
down_revision = "notifier_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE notifier.alert DROP COLUMN rounds")


def downgrade() -> None:
    op.execute("""
        ALTER TABLE notifier.alert ADD COLUMN rounds integer NOT NULL DEFAULT 0;
        UPDATE notifier.alert SET rounds = last.step FROM
            (SELECT alert, max(step) AS step FROM notifier.delivery GROUP BY alert) AS last
            WHERE last.alert = alert.id;
    """)
