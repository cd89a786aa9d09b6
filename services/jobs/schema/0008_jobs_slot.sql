-- migrate:up transaction:false

-- Makes it impossible that more jobs of a key run than it has slots.
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS jobs_slot ON jobs.jobs (concurrency_key, concurrency_slot)
WHERE state = 'running' AND concurrency_key IS NOT NULL;

-- migrate:down
