"""Alerts last: none is ever removed, so that a delivery need not look its own up once more.

A delivery is only ever written by the transaction that adds its alert or holds its lock.
"""

from alembic import op

revision = "notifier_0006"
down_revision = "notifier_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE FUNCTION notifier.keep_alert() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'alerts are never removed' USING ERRCODE = 'restrict_violation';
        END $$;
        CREATE TRIGGER never_removed BEFORE DELETE OR TRUNCATE ON notifier.alert
            FOR EACH STATEMENT EXECUTE FUNCTION notifier.keep_alert();
        ALTER TABLE notifier.delivery DROP CONSTRAINT delivery_alert_fkey;
    """)


def downgrade() -> None:
    op.execute("""
        ALTER TABLE notifier.delivery ADD CONSTRAINT delivery_alert_fkey
            FOREIGN KEY (alert) REFERENCES notifier.alert (id);
        DROP TRIGGER never_removed ON notifier.alert;
        DROP FUNCTION notifier.keep_alert;
    """)
