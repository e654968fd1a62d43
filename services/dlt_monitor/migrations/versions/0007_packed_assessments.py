"""A large assessment is stored as the event log stores it, compressed once for both."""

import gzip

import sqlalchemy as sa
from alembic import op

revision = "monitor_0007"
down_revision = "monitor_0006"
branch_labels = None
depends_on = None

_ONE_PACKED = sa.text(
    "SELECT study, number, packed FROM dlt_monitor.assessment WHERE packed IS NOT NULL LIMIT 1"
)
_UNPACK = sa.text(
    "UPDATE dlt_monitor.assessment SET document = :document, packed = NULL"
    " WHERE study = :study AND number = :number"
)


def upgrade() -> None:
    op.execute("""
        ALTER TABLE dlt_monitor.assessment
            ALTER COLUMN document DROP NOT NULL,
            ADD COLUMN packed bytea,
            ALTER COLUMN packed SET STORAGE EXTERNAL,
            ADD CONSTRAINT assessment_once CHECK (num_nonnulls(document, packed) = 1);
    """)


def downgrade() -> None:
    """Every assessment as the older version reads it; what it says stays."""
    op.execute("ALTER TABLE dlt_monitor.assessment DISABLE TRIGGER append_only")
    conn = op.get_bind()
    while row := conn.execute(_ONE_PACKED).one_or_none():
        document = gzip.decompress(row.packed).decode()
        conn.execute(_UNPACK, {"study": row.study, "number": row.number, "document": document})
    op.execute("""
        ALTER TABLE dlt_monitor.assessment
            ENABLE TRIGGER append_only,
            DROP COLUMN packed,
            ALTER COLUMN document SET NOT NULL;
    """)
