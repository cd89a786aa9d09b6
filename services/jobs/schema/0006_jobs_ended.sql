-- migrate:up transaction:false

-- The lists of what has ended, newest first, and what the purge takes away, oldest first.
CREATE INDEX CONCURRENTLY IF NOT EXISTS jobs_ended ON jobs.jobs (state, finished_at, id) WHERE finished_at IS NOT NULL;

-- migrate:down
