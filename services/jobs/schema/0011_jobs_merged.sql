-- migrate:up transaction:false

-- Takes the place of jobs_unique: a blocked job has not begun either, so a key finds it too.
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS jobs_merged ON jobs.jobs (unique_key)
WHERE state IN ('queued', 'blocked') AND attempt = 0;

-- migrate:down
