-- name: applied_migrations
-- The versions that each schema has.
SELECT 'catalog' AS schema, coalesce(array_agg(version::text), '{}') AS versions FROM catalog.schema_migrations
UNION ALL
SELECT 'checkout', coalesce(array_agg(version::text), '{}') FROM checkout.schema_migrations
UNION ALL
SELECT 'jobs', coalesce(array_agg(version::text), '{}') FROM jobs.schema_migrations
