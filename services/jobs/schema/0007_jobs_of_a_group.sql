-- migrate:up transaction:false

-- The jobs that a failure left behind.
CREATE INDEX CONCURRENTLY IF NOT EXISTS jobs_of_a_group ON jobs.jobs (fingerprint, finished_at, id) INCLUDE (state)
WHERE state IN ('dead', 'crashed', 'discarded') AND fingerprint IS NOT NULL;

-- migrate:down
