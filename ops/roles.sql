-- name: who_am_i
-- The owner's name, the database's, and whether the owner may make roles.
SELECT current_user::text, current_database()::text, rolcreaterole OR rolsuper
FROM pg_roles WHERE rolname = current_user

-- name: extensions
-- What search stands on; both are trusted, so the database's owner may create them.
CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA public;
CREATE EXTENSION IF NOT EXISTS unaccent SCHEMA public

-- name: schema
-- The schema of one service.
CREATE SCHEMA IF NOT EXISTS {schema}

-- name: role
-- A runtime role: it may log in and nothing else. Another database of the same server may be
-- creating it at this moment, which is as good.
DO $$ BEGIN
  CREATE ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
  NULL;
END $$

-- name: password_statement
-- The statement that sets a role's password: statements of this kind take no parameters.
SELECT format('ALTER ROLE %I PASSWORD %L', $1::text, $2::text)

-- name: no_playground
-- Nobody but the owner makes anything in this database, not even for a moment.
DO $$ BEGIN
  EXECUTE format('REVOKE CREATE, TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
END $$

-- name: visit
-- Lets a role name what is in a schema; what it may do there is granted thing by thing.
GRANT USAGE ON SCHEMA {schema} TO {role}

-- name: own_data
-- A service works with the rows of its own schema, in every table its migrations will ever create.
ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role};
ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT USAGE ON SEQUENCES TO {role};
ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT EXECUTE ON FUNCTIONS TO {role}

-- name: close
-- After the migrations: PostgreSQL lets everyone execute a new function, we do not; and a service
-- reads which migrations it has, but cannot claim one. /health tells which those are.
REVOKE EXECUTE ON ALL ROUTINES IN SCHEMA {schema} FROM PUBLIC;
DO $$ BEGIN
  IF to_regclass('{schema}.schema_migrations') IS NOT NULL THEN
    REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON {schema}.schema_migrations FROM {role};
    GRANT USAGE ON SCHEMA {schema} TO kiosk_health;
    GRANT SELECT ON {schema}.schema_migrations TO kiosk_health;
  END IF;
END $$
