"""What a service may see here that lets nobody in, but only checks who is asking."""

from alembic import op

revision = "access_0004"
down_revision = "access_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # No role is named: whoever may use the schema gets the least. A service that opens sessions
    # gets more by the owner's default privileges.
    op.execute("""
        CREATE FUNCTION access.let_services_check() RETURNS void LANGUAGE plpgsql AS $$
        DECLARE
            service name;
        BEGIN
            FOR service IN
                SELECT rolname FROM pg_roles
                WHERE NOT rolsuper AND rolname NOT LIKE 'pg\\_%'
                AND has_schema_privilege(oid, 'access', 'USAGE')
            LOOP
                EXECUTE format('GRANT SELECT ON access.api_key, access.key_grant,'
                    ' access.account_grant, access.session TO %I', service);
                EXECUTE format('GRANT UPDATE (last_used_at) ON access.api_key TO %I', service);
                EXECUTE format('GRANT UPDATE (used_at) ON access.session TO %I', service);
                EXECUTE format('GRANT SELECT (id, name, must_change, disabled_at)'
                    ' ON access.account TO %I', service);
            END LOOP;
        END $$;
        REVOKE ALL ON FUNCTION access.let_services_check() FROM PUBLIC;
        SELECT access.let_services_check();
    """)


def downgrade() -> None:
    op.execute("DROP FUNCTION access.let_services_check()")
