"""Rounds are said by deliveries and written nowhere else; due rows lie in the order they are taken.

A turn takes the first few of what may be ten thousand rows due at one moment: an index in the whole
order saves it from reading and sorting all of them.
"""

from alembic import op

revision = "notifier_0003"
down_revision = "notifier_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        ALTER TABLE notifier.alert DROP COLUMN rounds;
        DROP INDEX notifier.due_waiting;
        CREATE INDEX due_waiting ON notifier.due (kind, urgency, due_at, number)
            WHERE state = 'waiting';
    """)


def downgrade() -> None:
    op.execute("""
        DROP INDEX notifier.due_waiting;
        CREATE INDEX due_waiting ON notifier.due (kind, urgency, due_at) WHERE state = 'waiting';
        ALTER TABLE notifier.alert ADD COLUMN rounds integer NOT NULL DEFAULT 0;
        UPDATE notifier.alert SET rounds = last.step FROM
            (SELECT alert, max(step) AS step FROM notifier.delivery GROUP BY alert) AS last
            WHERE last.alert = alert.id;
    """)
