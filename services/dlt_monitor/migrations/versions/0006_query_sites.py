"""A query moves with its subject to another site; its history says which site it was for when."""

from alembic import op

revision = "monitor_0006"
down_revision = "monitor_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        ALTER TABLE dlt_monitor.query_turn
            DROP CONSTRAINT query_turn_event_check,
            ADD CHECK (event IN ('opened', 'answered', 'moved', 'closed'));
        CREATE OR REPLACE VIEW dlt_monitor.data_query AS
            SELECT study, query, min(number) AS number,
                (array_agg(event ORDER BY number DESC) FILTER (WHERE event <> 'moved'))[1] AS state,
                (array_agg(site ORDER BY number DESC))[1] AS site,
                (array_agg(document ORDER BY number DESC))[1] AS document,
                json_agg(json_build_object('event', event, 'at', at, 'by', answers, 'site', site)
                    ORDER BY number) AS history
            FROM dlt_monitor.query_turn GROUP BY study, query;
    """)


def downgrade() -> None:
    """A turn that the older version does not know stays: rows are never taken away."""
    op.execute("""
        ALTER TABLE dlt_monitor.query_turn
            DROP CONSTRAINT query_turn_event_check,
            ADD CONSTRAINT query_turn_event_check
                CHECK (event IN ('opened', 'answered', 'closed')) NOT VALID;
        CREATE OR REPLACE VIEW dlt_monitor.data_query AS
            SELECT study, query, min(number) AS number,
                (array_agg(event ORDER BY number DESC))[1] AS state,
                (array_agg(site ORDER BY number DESC))[1] AS site,
                (array_agg(document ORDER BY number DESC))[1] AS document,
                json_agg(json_build_object('event', event, 'at', at, 'by', answers)
                    ORDER BY number) AS history
            FROM dlt_monitor.query_turn GROUP BY study, query;
    """)
