"""The event log: outbox, consumer positions, relayed messages seen, parked messages."""

from alembic import op

revision = "bus_0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE bus.outbox (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
            topic text NOT NULL,
            key text NOT NULL,
            message_id text NOT NULL,
            value bytea NOT NULL,
            headers jsonb NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT outbox_once UNIQUE (topic, message_id)
        );
        CREATE INDEX outbox_order ON bus.outbox (topic, xid, id);

        CREATE TABLE bus.cursor (
            group_name text NOT NULL,
            topic text NOT NULL,
            partition integer NOT NULL,
            major bigint NOT NULL,
            minor bigint NOT NULL,
            PRIMARY KEY (group_name, topic, partition)
        );

        CREATE TABLE bus.inbox (
            group_name text NOT NULL,
            topic text NOT NULL,
            message_id text NOT NULL,
            PRIMARY KEY (group_name, topic, message_id)
        );

        CREATE TABLE bus.parked (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            group_name text NOT NULL,
            topic text NOT NULL,
            key text NOT NULL,
            message_id text NOT NULL,
            value bytea NOT NULL,
            headers jsonb NOT NULL,
            reason text NOT NULL,
            error_class text NOT NULL,
            parked_at timestamptz NOT NULL,
            replayed_at timestamptz
        );
        CREATE INDEX parked_open ON bus.parked (group_name, key) WHERE replayed_at IS NULL;
    """)


def downgrade() -> None:
    op.execute("DROP TABLE bus.parked, bus.inbox, bus.cursor, bus.outbox")
