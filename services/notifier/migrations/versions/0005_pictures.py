"""The chart of an alert's mails. It goes where its alert goes, and changes once, when it is
settled.

What waits is found by an index of its own, which is empty where no study allows charts.
"""

from alembic import op

revision = "notifier_0005"
down_revision = "notifier_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE notifier.picture (
            alert text PRIMARY KEY REFERENCES notifier.alert (id) ON DELETE CASCADE,
            urgency smallint NOT NULL,
            state text NOT NULL DEFAULT 'wanted' CHECK (state IN ('wanted', 'drawn', 'missed')),
            wanted_at timestamptz NOT NULL,
            lease_until timestamptz,
            settled_at timestamptz,
            why text,
            png bytea,
            words text,
            digest text,
            CHECK ((state = 'wanted') = (settled_at IS NULL)),
            CHECK ((state = 'missed') = (why IS NOT NULL)),
            CHECK ((state = 'drawn') = (png IS NOT NULL)),
            CHECK ((png IS NULL) = (words IS NULL) AND (png IS NULL) = (digest IS NULL))
        );
        CREATE INDEX picture_wanted ON notifier.picture (urgency, wanted_at)
            WHERE state = 'wanted';
        CREATE INDEX picture_settled ON notifier.picture (settled_at);
        CREATE FUNCTION notifier.keep_picture() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'a picture that is settled stays as it was sent'
                USING ERRCODE = 'restrict_violation';
        END $$;
        CREATE TRIGGER settled_once BEFORE UPDATE ON notifier.picture
            FOR EACH ROW WHEN (OLD.state <> 'wanted') EXECUTE FUNCTION notifier.keep_picture();
    """)


def downgrade() -> None:
    op.execute("""
        DROP TABLE notifier.picture;
        DROP FUNCTION notifier.keep_picture;
    """)
