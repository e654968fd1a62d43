"""API keys, by digest, and their grants: always a role in a study."""

from alembic import op

revision = "access_0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE access.api_key (
            id text PRIMARY KEY,
            name text NOT NULL,
            digest bytea NOT NULL,
            source text,
            created_at timestamptz NOT NULL,
            expires_at timestamptz,
            revoked_at timestamptz,
            last_used_at timestamptz
        );
        CREATE TABLE access.key_grant (
            key_id text NOT NULL REFERENCES access.api_key,
            study text NOT NULL CHECK (study <> ''),
            role text NOT NULL,
            PRIMARY KEY (key_id, study, role)
        );
    """)


def downgrade() -> None:
    op.execute("DROP TABLE access.key_grant, access.api_key")
