"""Alerts, their deliveries and attempts, acknowledgements, routing versions, webhook secrets."""

from alembic import op

revision = "notifier_0001"
down_revision = None
branch_labels = None
depends_on = None

_RECORDS = ("acknowledgement", "attempt", "change", "routing")


def upgrade() -> None:
    op.execute("""
        CREATE TABLE notifier.routing (
            study text NOT NULL,
            version integer NOT NULL CHECK (version >= 1),
            document text NOT NULL,
            set_by text NOT NULL,
            set_at timestamptz NOT NULL,
            PRIMARY KEY (study, version)
        );

        CREATE TABLE notifier.webhook_secret (
            study text NOT NULL,
            subscriber text NOT NULL,
            secret text NOT NULL,
            previous text,
            set_at timestamptz NOT NULL,
            PRIMARY KEY (study, subscriber)
        );

        CREATE TABLE notifier.alert (
            id text PRIMARY KEY,
            number bigint GENERATED ALWAYS AS IDENTITY,
            xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
            study text NOT NULL,
            kind text NOT NULL CHECK (kind IN ('signal', 'test')),
            signal_id text NOT NULL UNIQUE,
            severity text NOT NULL,
            signal jsonb,
            supersedes text,
            ends boolean NOT NULL,
            synthetic boolean NOT NULL,
            routing_version integer,
            warnings jsonb NOT NULL,
            state text NOT NULL
                CHECK (state IN ('open', 'acknowledged', 'superseded', 'withdrawn')),
            version integer NOT NULL DEFAULT 1,
            followed_by text REFERENCES notifier.alert (id),
            raised_at timestamptz NOT NULL,
            CHECK ((kind = 'test') = (signal IS NULL))
        );
        CREATE INDEX alert_order ON notifier.alert (study, xid, number);
        CREATE INDEX alert_follows ON notifier.alert (supersedes) WHERE supersedes IS NOT NULL;

        CREATE TABLE notifier.acknowledgement (
            number bigint GENERATED ALWAYS AS IDENTITY,
            alert text NOT NULL REFERENCES notifier.alert (id),
            key_id text NOT NULL,
            name text NOT NULL,
            role text NOT NULL,
            version integer NOT NULL,
            at timestamptz NOT NULL,
            PRIMARY KEY (alert, key_id)
        );

        CREATE TABLE notifier.delivery (
            id text PRIMARY KEY,
            number bigint GENERATED ALWAYS AS IDENTITY,
            alert text NOT NULL REFERENCES notifier.alert (id),
            study text NOT NULL,
            signal_id text NOT NULL,
            subscriber text NOT NULL,
            channel text NOT NULL CHECK (channel IN ('inbox', 'email', 'webhook')),
            address text NOT NULL,
            lane text NOT NULL,
            why text NOT NULL,
            severity text NOT NULL,
            urgency smallint NOT NULL,
            state text NOT NULL CHECK (state IN ('pending', 'failed', 'sent', 'given_up')),
            attempts integer NOT NULL DEFAULT 0,
            attempts_before integer NOT NULL DEFAULT 0,
            due_at timestamptz NOT NULL,
            lease text,
            lease_until timestamptz,
            created_at timestamptz NOT NULL,
            settled_at timestamptz,
            CONSTRAINT delivery_once UNIQUE (alert, subscriber, channel)
        );
        CREATE INDEX delivery_due ON notifier.delivery (urgency, due_at)
            WHERE state IN ('pending', 'failed');
        CREATE INDEX delivery_given_up ON notifier.delivery (study) WHERE state = 'given_up';

        CREATE TABLE notifier.attempt (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            delivery text NOT NULL REFERENCES notifier.delivery (id),
            number integer NOT NULL,
            step text NOT NULL CHECK (step IN ('started', 'sent', 'failed')),
            answer text,
            at timestamptz NOT NULL
        );
        CREATE INDEX attempt_of ON notifier.attempt (delivery, id);

        CREATE TABLE notifier.change (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
            study text NOT NULL,
            alert text NOT NULL REFERENCES notifier.alert (id),
            what text NOT NULL
        );
        CREATE INDEX change_order ON notifier.change (xid, id);

        CREATE FUNCTION notifier.refuse_rewriting() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'records of notifier.% are only ever added', TG_TABLE_NAME
                USING ERRCODE = 'restrict_violation';
        END $$;
    """)
    for table in _RECORDS:
        op.execute(
            f"CREATE TRIGGER only_added BEFORE UPDATE OR DELETE OR TRUNCATE ON notifier.{table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION notifier.refuse_rewriting()"
        )


def downgrade() -> None:
    op.execute("""
        DROP TABLE notifier.change, notifier.attempt, notifier.delivery, notifier.acknowledgement,
            notifier.alert, notifier.webhook_secret, notifier.routing;
        DROP FUNCTION notifier.refuse_rewriting;
    """)
