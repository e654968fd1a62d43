"""Who signs in at an OpenID Connect provider, and what was asked of it."""

from alembic import op

revision = "access_0003"
down_revision = "access_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE access.account_link (
            account_id text COLLATE "C" PRIMARY KEY REFERENCES access.account,
            issuer text COLLATE "C" NOT NULL,
            subject text COLLATE "C",
            email text COLLATE "C",
            linked_at timestamptz NOT NULL,
            CHECK ((subject IS NULL) <> (email IS NULL)),
            UNIQUE (issuer, subject),
            UNIQUE (issuer, email)
        );
        COMMENT ON COLUMN access.account_link.email IS
            'until the first sign-in with this verified address, which fixes the subject';
        CREATE TABLE access.provider_request (
            digest bytea PRIMARY KEY,
            nonce text NOT NULL,
            verifier text NOT NULL,
            session bytea REFERENCES access.session,
            body_sha256 bytea,
            login text COLLATE "C",
            created_at timestamptz NOT NULL,
            ends_at timestamptz NOT NULL,
            used_at timestamptz,
            CHECK ((session IS NULL) = (body_sha256 IS NULL)),
            CHECK ((session IS NULL) = (login IS NULL))
        );
        CREATE INDEX provider_request_ends ON access.provider_request (ends_at);
        COMMENT ON COLUMN access.provider_request.digest IS 'SHA-256 of the state';
        COMMENT ON COLUMN access.provider_request.login IS
            'whose confirmation is asked for: of this session, for this body; a sign-in has none';
    """)


def downgrade() -> None:
    op.execute("DROP TABLE access.provider_request, access.account_link")
