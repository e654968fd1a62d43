"""The life of each data query, and every answer given to the randomisation system."""

from alembic import op

revision = "monitor_0003"
down_revision = "monitor_0002"
branch_labels = None
depends_on = None

APPEND_ONLY = ("query_turn", "gate_answer")


def upgrade() -> None:
    op.execute("""
        CREATE TABLE dlt_monitor.query_turn (
            study text NOT NULL REFERENCES dlt_monitor.study,
            number bigint GENERATED ALWAYS AS IDENTITY,
            query text NOT NULL,
            event text NOT NULL CHECK (event IN ('opened', 'answered', 'closed')),
            at timestamptz NOT NULL,
            assessment bigint NOT NULL,
            site text,
            answers json NOT NULL,
            document text NOT NULL,
            PRIMARY KEY (study, number)
        );
        CREATE INDEX query_turn_query ON dlt_monitor.query_turn (study, query, number DESC);
        CREATE VIEW dlt_monitor.data_query AS
            SELECT study, query, min(number) AS number,
                (array_agg(event ORDER BY number DESC))[1] AS state,
                (array_agg(site ORDER BY number DESC))[1] AS site,
                (array_agg(document ORDER BY number DESC))[1] AS document,
                json_agg(json_build_object('event', event, 'at', at, 'by', answers)
                    ORDER BY number) AS history
            FROM dlt_monitor.query_turn GROUP BY study, query;

        CREATE TABLE dlt_monitor.gate_answer (
            study text NOT NULL REFERENCES dlt_monitor.study,
            number bigint GENERATED ALWAYS AS IDENTITY,
            asked_at timestamptz NOT NULL,
            asked_by text NOT NULL,
            dose_level integer NOT NULL,
            facts bigint NOT NULL,
            document text NOT NULL,
            PRIMARY KEY (study, number)
        );
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
        DROP TABLE dlt_monitor.gate_answer;
        DROP VIEW dlt_monitor.data_query;
        DROP TABLE dlt_monitor.query_turn;
    """)
