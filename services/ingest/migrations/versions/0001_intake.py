"""Deliveries with their receipts, accepted record versions, refusals, answers to be repeated."""

from alembic import op

revision = "ingest_0001"
down_revision = None
branch_labels = None
depends_on = None

APPEND_ONLY = ("delivery", "version", "refusal")


def upgrade() -> None:
    # "C" everywhere: identifiers are compared byte by byte, as Python compares them.
    op.execute("""
        CREATE TABLE ingest.delivery (
            receipt text COLLATE "C" PRIMARY KEY,
            study text COLLATE "C" NOT NULL,
            source text COLLATE "C" NOT NULL,
            event_id text COLLATE "C" NOT NULL,
            type text COLLATE "C" NOT NULL,
            result text COLLATE "C" NOT NULL,
            status smallint NOT NULL,
            revision bigint,
            received_at timestamptz NOT NULL,
            known_at timestamptz NOT NULL,
            body_hash text COLLATE "C" NOT NULL,
            fact_id text COLLATE "C" NOT NULL,
            key_id text COLLATE "C" NOT NULL,
            CONSTRAINT delivery_once UNIQUE (study, source, event_id)
        );

        CREATE TABLE ingest.version (
            fact_id text COLLATE "C" PRIMARY KEY,
            study text COLLATE "C" NOT NULL,
            source text COLLATE "C" NOT NULL,
            kind text COLLATE "C" NOT NULL,
            recordid text COLLATE "C" NOT NULL,
            revision bigint NOT NULL,
            sourcetime timestamptz,
            content text COLLATE "C" NOT NULL,
            op text COLLATE "C" NOT NULL,
            result text COLLATE "C" NOT NULL,
            receipt text COLLATE "C" NOT NULL,
            known_at timestamptz NOT NULL,
            fact json NOT NULL
        );
        COMMENT ON COLUMN ingest.version.revision IS '0: ordered by sourcetime, then content';
        CREATE INDEX version_record
            ON ingest.version (study, source, kind, recordid, revision);

        CREATE TABLE ingest.refusal (
            receipt text COLLATE "C" PRIMARY KEY,
            study text COLLATE "C",
            type text COLLATE "C",
            result text COLLATE "C" NOT NULL,
            status smallint NOT NULL,
            received_at timestamptz NOT NULL,
            body_hash text COLLATE "C" NOT NULL,
            problems json NOT NULL,
            key_id text COLLATE "C" NOT NULL,
            body bytea
        );
        COMMENT ON COLUMN ingest.refusal.body IS
            'as sent, for authorised staff; holds health data; null where it was too large';
        CREATE INDEX refusal_study ON ingest.refusal (study, receipt);

        CREATE TABLE ingest.answer (
            key_id text COLLATE "C" NOT NULL,
            idempotency_key text COLLATE "C" NOT NULL,
            request_hash text COLLATE "C" NOT NULL,
            status smallint NOT NULL,
            media_type text NOT NULL,
            location text,
            body bytea NOT NULL,
            at timestamptz NOT NULL,
            PRIMARY KEY (key_id, idempotency_key)
        );
        CREATE INDEX answer_age ON ingest.answer (at);

        CREATE FUNCTION ingest.never_edited() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'ingest.% is never edited', TG_TABLE_NAME;
        END $$;
    """)
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER never_edited BEFORE UPDATE OR DELETE OR TRUNCATE ON ingest.{table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION ingest.never_edited()"
        )


def downgrade() -> None:
    op.execute("DROP TABLE ingest.delivery, ingest.version, ingest.refusal, ingest.answer")
    op.execute("DROP FUNCTION ingest.never_edited()")
