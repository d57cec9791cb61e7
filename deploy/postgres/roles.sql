-- Two roles with least rights for the control database, and a schema of their own.
-- Run once per database by whoever may create roles:
--     psql -v ON_ERROR_STOP=1 -d shop -f deploy/postgres/roles.sql
-- Then give both a password (\password phantom_owner, \password phantom_app).
--
-- phantom_owner owns the tables: it creates and upgrades them, and nothing else runs as it.
-- phantom_app is what the app, the services and the command line connect as.
CREATE ROLE phantom_owner LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE;
CREATE ROLE phantom_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE;
CREATE SCHEMA phantom AUTHORIZATION phantom_owner;
REVOKE ALL ON SCHEMA phantom FROM PUBLIC;
GRANT USAGE ON SCHEMA phantom TO phantom_app;
ALTER ROLE phantom_owner SET search_path = phantom;
ALTER ROLE phantom_app SET search_path = phantom;
