-- migrate:up transaction:false

-- Who is next when a slot of a key is free, and whether anybody waits for it.
CREATE INDEX CONCURRENTLY IF NOT EXISTS jobs_keyed ON jobs.jobs (state, concurrency_key, priority, run_at, id)
WHERE state IN ('queued', 'blocked') AND concurrency_key IS NOT NULL;

-- migrate:down
