"""Accounts with passwords, their sessions and confirmations, and the record of who got in."""

from alembic import op

revision = "access_0002"
down_revision = "access_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE access.account (
            id text COLLATE "C" PRIMARY KEY,
            login text COLLATE "C" NOT NULL UNIQUE CHECK (login = lower(login)),
            name text COLLATE "C" NOT NULL UNIQUE,
            password_hash text NOT NULL,
            must_change boolean NOT NULL,
            created_at timestamptz NOT NULL,
            disabled_at timestamptz
        );
        COMMENT ON COLUMN access.account.password_hash IS 'argon2id, in PHC form';
        CREATE TABLE access.account_grant (
            account_id text COLLATE "C" NOT NULL REFERENCES access.account,
            study text NOT NULL CHECK (study <> ''),
            role text NOT NULL,
            PRIMARY KEY (account_id, study, role)
        );
        CREATE INDEX account_grant_study ON access.account_grant (study);
        CREATE TABLE access.session (
            digest bytea PRIMARY KEY,
            account_id text COLLATE "C" NOT NULL REFERENCES access.account,
            started_at timestamptz NOT NULL,
            used_at timestamptz NOT NULL,
            ends_at timestamptz NOT NULL,
            ended_at timestamptz
        );
        CREATE INDEX session_account ON access.session (account_id);
        COMMENT ON COLUMN access.session.digest IS 'SHA-256 of the token; the token is not kept';
        CREATE TABLE access.confirmation (
            digest bytea PRIMARY KEY,
            session bytea NOT NULL REFERENCES access.session,
            account_id text COLLATE "C" NOT NULL REFERENCES access.account,
            body_sha256 bytea NOT NULL,
            ends_at timestamptz NOT NULL,
            used_at timestamptz
        );
        COMMENT ON COLUMN access.confirmation.account_id IS
            'who gave the password: the account of the session, or a second person';
        CREATE TABLE access.attempt (
            subject bytea PRIMARY KEY,
            failures double precision NOT NULL,
            at timestamptz NOT NULL
        );
        COMMENT ON COLUMN access.attempt.subject IS
            'SHA-256 of a login or a network address, whether or not there is such a login';

        CREATE TABLE access.record (
            number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            at timestamptz NOT NULL,
            kind text NOT NULL,
            by_id text,
            by_name text NOT NULL,
            account_id text COLLATE "C",
            study text,
            about text NOT NULL
        );
        COMMENT ON COLUMN access.record.account_id IS
            'whose sign-in it is: shown in every study of the account where study is null';
        CREATE INDEX record_study ON access.record (study, number);
        CREATE INDEX record_account ON access.record (account_id, number);
        CREATE FUNCTION access.never_edited() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'access.% is never edited', TG_TABLE_NAME;
        END $$;
        CREATE TRIGGER never_edited BEFORE UPDATE OR DELETE OR TRUNCATE ON access.record
            FOR EACH STATEMENT EXECUTE FUNCTION access.never_edited();
    """)


def downgrade() -> None:
    op.execute(
        "DROP TABLE access.record, access.attempt, access.confirmation, access.session,"
        " access.account_grant, access.account"
    )
    op.execute("DROP FUNCTION access.never_edited()")
