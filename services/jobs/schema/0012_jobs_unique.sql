-- migrate:up transaction:false

-- ON CONFLICT names no index, so jobs_merged serves every release in its place.
DROP INDEX CONCURRENTLY IF EXISTS jobs.jobs_unique;

-- migrate:down
