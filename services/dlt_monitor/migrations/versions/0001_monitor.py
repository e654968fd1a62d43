"""Facts, assessments, graded results and signals (append-only), and where each study stands."""

from alembic import op

revision = "monitor_0001"
down_revision = None
branch_labels = None
depends_on = None

APPEND_ONLY = ("fact", "assessment", "graded_result", "signal", "answer")


def upgrade() -> None:
    op.execute("""
        CREATE TABLE dlt_monitor.study (
            study text PRIMARY KEY,
            facts bigint NOT NULL DEFAULT 0,
            facts_token uuid,
            assessments bigint NOT NULL DEFAULT 0,
            signals bigint NOT NULL DEFAULT 0,
            as_of timestamptz,
            next_deadline timestamptz,
            summary json
        );
        CREATE INDEX study_due ON dlt_monitor.study (next_deadline)
            WHERE next_deadline IS NOT NULL;

        CREATE TABLE dlt_monitor.fact (
            study text NOT NULL,
            number bigint NOT NULL,
            fact_id text NOT NULL,
            kind text NOT NULL,
            known_at timestamptz NOT NULL,
            value text NOT NULL,
            PRIMARY KEY (study, number),
            UNIQUE (study, fact_id)
        );

        CREATE TABLE dlt_monitor.assessment (
            study text NOT NULL REFERENCES dlt_monitor.study,
            number bigint NOT NULL,
            as_of timestamptz NOT NULL,
            facts bigint NOT NULL,
            degraded boolean NOT NULL,
            digest text NOT NULL,
            protocol_version text NOT NULL,
            engine text NOT NULL,
            cause text NOT NULL,
            made_at timestamptz NOT NULL,
            document text NOT NULL,
            PRIMARY KEY (study, number)
        );
        CREATE INDEX assessment_digest ON dlt_monitor.assessment (study, digest);

        CREATE TABLE dlt_monitor.graded_result (
            study text NOT NULL,
            id text NOT NULL,
            document text NOT NULL,
            PRIMARY KEY (study, id)
        );

        CREATE TABLE dlt_monitor.signal (
            study text NOT NULL REFERENCES dlt_monitor.study,
            number bigint NOT NULL,
            id text NOT NULL UNIQUE,
            key text NOT NULL,
            type text NOT NULL,
            ends boolean NOT NULL,
            supersedes text,
            assessment bigint NOT NULL,
            document text NOT NULL,
            PRIMARY KEY (study, number)
        );
        CREATE INDEX signal_key ON dlt_monitor.signal (study, key) WHERE NOT ends;
        CREATE INDEX signal_supersedes ON dlt_monitor.signal (study, supersedes)
            WHERE supersedes IS NOT NULL;
        CREATE VIEW dlt_monitor.standing AS
            SELECT s.study, s.number, s.id, s.document FROM dlt_monitor.signal s
            WHERE NOT s.ends AND NOT EXISTS (
                SELECT FROM dlt_monitor.signal f
                WHERE f.study = s.study AND f.supersedes = s.id);

        CREATE TABLE dlt_monitor.answer (
            study text NOT NULL REFERENCES dlt_monitor.study,
            digest text NOT NULL,
            as_of timestamptz NOT NULL,
            known_at timestamptz NOT NULL,
            facts bigint NOT NULL,
            degraded boolean NOT NULL,
            engine text NOT NULL,
            given_at timestamptz NOT NULL,
            document text NOT NULL,
            PRIMARY KEY (study, digest)
        );

        CREATE TABLE dlt_monitor.degradation (
            study text NOT NULL REFERENCES dlt_monitor.study,
            message_id text NOT NULL,
            reason text NOT NULL,
            since timestamptz NOT NULL,
            until timestamptz,
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY
        );
        CREATE UNIQUE INDEX degradation_open ON dlt_monitor.degradation (study, message_id)
            WHERE until IS NULL;
        CREATE INDEX degradation_study ON dlt_monitor.degradation (study);

        CREATE FUNCTION dlt_monitor.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '%.% is append-only', TG_TABLE_SCHEMA, TG_TABLE_NAME
                USING ERRCODE = 'integrity_constraint_violation';
        END $$;
    """)
    for table in APPEND_ONLY:
        # Statement level: TRUNCATE fires no row trigger.
        op.execute(f"""
            CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE
                ON dlt_monitor.{table}
                FOR EACH STATEMENT EXECUTE FUNCTION dlt_monitor.refuse_change();
        """)


def downgrade() -> None:
    op.execute("""
        DROP VIEW dlt_monitor.standing;
        DROP TABLE dlt_monitor.degradation, dlt_monitor.answer, dlt_monitor.signal,
            dlt_monitor.graded_result, dlt_monitor.assessment, dlt_monitor.fact, dlt_monitor.study;
        DROP FUNCTION dlt_monitor.refuse_change();
    """)
