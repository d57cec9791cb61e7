-- What phantom_app may do with the tables. Run as phantom_owner after it opened the database, and
-- again after every upgrade:
--     PHANTOM_DATABASE_URL=postgresql://phantom_owner@db/shop python -m phantom_core rules requests
--     psql -v ON_ERROR_STOP=1 -U phantom_owner -d shop -f deploy/postgres/grants.sql
-- No TRUNCATE, no TRIGGER, no REFERENCES, and ownership of nothing: phantom_app cannot drop or alter
-- a table, nor remove or switch off a trigger.
REVOKE ALL ON ALL TABLES IN SCHEMA phantom FROM PUBLIC, phantom_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA phantom TO phantom_app;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA phantom TO phantom_app;

-- Written once.
REVOKE UPDATE, DELETE ON
    audit, audit_signatures, decisions, evidence, release_documents, emergencies, emergency_reviews,
    governed_decisions
FROM phantom_app;
-- Kept for ever.
REVOKE DELETE ON
    change_requests, releases, price_experiments, limits, limit_lists, governed_changes,
    session_verdicts
FROM phantom_app;
-- The owner upgrades.
REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM phantom_app;
