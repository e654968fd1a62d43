"""Less to write with each step of a ladder: indexes nobody needs, a check that never failed.

What waits to be sent is found by one index; changes by their order, which tells them apart. A
change is only ever written with the alert at hand, so that looking it up once more proves nothing.
"""

from alembic import op

revision = "notifier_0004"
down_revision = "notifier_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        DROP INDEX notifier.delivery_waiting;
        ALTER TABLE notifier.change
            DROP CONSTRAINT change_pkey,
            DROP CONSTRAINT change_alert_fkey,
            ADD PRIMARY KEY (xid, id);
        DROP INDEX notifier.change_order;
    """)


def downgrade() -> None:
    op.execute("""
        ALTER TABLE notifier.change
            DROP CONSTRAINT change_pkey,
            ADD PRIMARY KEY (id),
            ADD CONSTRAINT change_alert_fkey FOREIGN KEY (alert) REFERENCES notifier.alert (id);
        CREATE INDEX change_order ON notifier.change (xid, id);
        CREATE INDEX delivery_waiting ON notifier.delivery (began_at)
            WHERE state IN ('pending', 'failed');
    """)
