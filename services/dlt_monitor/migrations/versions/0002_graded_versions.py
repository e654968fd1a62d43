"""Graded results are versions of an answer: each knows its subject, its place and its version."""

from alembic import op

revision = "monitor_0002"
down_revision = "monitor_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        ALTER TABLE dlt_monitor.graded_result
            ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY,
            ADD COLUMN subject text,
            ADD COLUMN subject_ref text,
            ADD COLUMN result text,
            ADD COLUMN version integer,
            ADD COLUMN withdrawn boolean NOT NULL DEFAULT false;
        CREATE INDEX graded_result_subject
            ON dlt_monitor.graded_result (study, subject, result, version DESC);
        CREATE INDEX graded_result_number ON dlt_monitor.graded_result (study, number);
        CREATE VIEW dlt_monitor.standing_grade AS
            SELECT g.* FROM dlt_monitor.graded_result g
            WHERE NOT g.withdrawn AND g.result IS NOT NULL AND NOT EXISTS (
                SELECT FROM dlt_monitor.graded_result n
                WHERE n.study = g.study AND n.subject = g.subject AND n.result = g.result
                    AND n.version > g.version);
    """)


def downgrade() -> None:
    op.execute("""
        DROP VIEW dlt_monitor.standing_grade;
        DROP INDEX dlt_monitor.graded_result_number, dlt_monitor.graded_result_subject;
        ALTER TABLE dlt_monitor.graded_result
            DROP COLUMN number, DROP COLUMN subject, DROP COLUMN subject_ref, DROP COLUMN result,
            DROP COLUMN version, DROP COLUMN withdrawn;
    """)
