-- migrate:up transaction:false

-- The list of what is blocked, next first.
CREATE INDEX CONCURRENTLY IF NOT EXISTS jobs_blocked ON jobs.jobs (run_at, id) WHERE state = 'blocked';

-- migrate:down
