"""Due-time rows, notes, digests; what an alert froze of its routing; deliveries by step."""

from alembic import op

revision = "notifier_0002"
down_revision = "notifier_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        ALTER TABLE notifier.alert
            DROP CONSTRAINT alert_kind_check,
            ADD CONSTRAINT alert_kind_check
                CHECK (kind IN ('signal', 'test', 'digest', 'operator')),
            DROP CONSTRAINT alert_state_check,
            ADD CONSTRAINT alert_state_check CHECK (state IN
                ('open', 'acknowledged', 'closed', 'superseded', 'withdrawn')),
            DROP CONSTRAINT alert_check,
            ADD CONSTRAINT alert_signal_check CHECK ((kind = 'signal') = (signal IS NOT NULL)),
            ADD COLUMN about text,
            ADD COLUMN alias text,
            ADD COLUMN details jsonb NOT NULL DEFAULT '{}',
            ADD COLUMN asks boolean NOT NULL DEFAULT false,
            ADD COLUMN ladder text,
            ADD COLUMN rounds integer NOT NULL DEFAULT 0,
            ADD COLUMN assigned_to text;
        CREATE INDEX alert_waiting ON notifier.alert (raised_at) WHERE state = 'open' AND asks;

        ALTER TABLE notifier.delivery
            DROP CONSTRAINT delivery_channel_check,
            ADD CONSTRAINT delivery_channel_check
                CHECK (channel IN ('inbox', 'email', 'webhook', 'apprise')),
            DROP CONSTRAINT delivery_state_check,
            ADD CONSTRAINT delivery_state_check
                CHECK (state IN ('pending', 'failed', 'sent', 'given_up', 'cancelled')),
            ADD COLUMN step integer NOT NULL DEFAULT 0,
            ADD COLUMN chases boolean NOT NULL DEFAULT false,
            ADD COLUMN began_at timestamptz,
            DROP CONSTRAINT delivery_once,
            ADD CONSTRAINT delivery_once UNIQUE (alert, subscriber, channel, step);
        UPDATE notifier.delivery SET began_at = created_at;
        ALTER TABLE notifier.delivery ALTER COLUMN began_at SET NOT NULL;
        CREATE INDEX delivery_waiting ON notifier.delivery (began_at)
            WHERE state IN ('pending', 'failed');

        CREATE TABLE notifier.due (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            kind text NOT NULL CHECK (kind IN ('step', 'digest', 'weekly_test')),
            study text NOT NULL,
            subject text NOT NULL,
            number integer NOT NULL,
            urgency smallint NOT NULL,
            due_at timestamptz NOT NULL,
            wait interval NOT NULL,
            state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'done', 'void')),
            settled_at timestamptz,
            UNIQUE (kind, study, subject, number)
        );
        CREATE INDEX due_waiting ON notifier.due (kind, urgency, due_at) WHERE state = 'waiting';

        CREATE TABLE notifier.digest_entry (
            alert text NOT NULL REFERENCES notifier.alert (id),
            study text NOT NULL,
            subscriber text NOT NULL,
            channel text NOT NULL,
            address text NOT NULL,
            digest text REFERENCES notifier.alert (id),
            PRIMARY KEY (alert, subscriber, channel)
        );
        CREATE INDEX digest_waiting ON notifier.digest_entry (study) WHERE digest IS NULL;

        CREATE TABLE notifier.note (
            number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            alert text NOT NULL REFERENCES notifier.alert (id),
            kind text NOT NULL CHECK (kind IN ('note', 'seen', 'handed_over', 'closed')),
            key_id text NOT NULL,
            name text NOT NULL,
            role text NOT NULL,
            text text NOT NULL,
            at timestamptz NOT NULL
        );
        CREATE INDEX note_of ON notifier.note (alert, number);
        CREATE UNIQUE INDEX note_seen_once ON notifier.note (alert, key_id) WHERE kind = 'seen';
        CREATE TRIGGER only_added BEFORE UPDATE OR DELETE OR TRUNCATE ON notifier.note
            FOR EACH STATEMENT EXECUTE FUNCTION notifier.refuse_rewriting();
    """)


def downgrade() -> None:
    op.execute("""
        DROP TABLE notifier.note, notifier.digest_entry, notifier.due;
        DELETE FROM notifier.delivery WHERE step > 0 OR channel = 'apprise';
        ALTER TABLE notifier.delivery DROP CONSTRAINT delivery_once,
            DROP COLUMN step, DROP COLUMN chases, DROP COLUMN began_at,
            ADD CONSTRAINT delivery_once UNIQUE (alert, subscriber, channel);
        ALTER TABLE notifier.alert DROP COLUMN about, DROP COLUMN alias, DROP COLUMN details,
            DROP COLUMN asks, DROP COLUMN ladder, DROP COLUMN rounds, DROP COLUMN assigned_to;
    """)
