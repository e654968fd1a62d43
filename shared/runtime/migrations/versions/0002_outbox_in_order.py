"""One index fewer to write with each message: its place in its topic tells it apart."""

from alembic import op

revision = "bus_0002"
down_revision = "bus_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        ALTER TABLE bus.outbox
            DROP CONSTRAINT outbox_pkey,
            ADD PRIMARY KEY (topic, xid, id);
        DROP INDEX bus.outbox_order;
    """)


def downgrade() -> None:
    op.execute("""
        CREATE INDEX outbox_order ON bus.outbox (topic, xid, id);
        ALTER TABLE bus.outbox
            DROP CONSTRAINT outbox_pkey,
            ADD PRIMARY KEY (id);
    """)
