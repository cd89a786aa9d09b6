-- name: empty
-- No jobs of anybody.
TRUNCATE jobs.jobs, public.procrastinate_jobs CASCADE

-- name: history
-- $1 jobs that ended during the last month, each with its attempt.
WITH ended AS (
  INSERT INTO jobs.jobs (queue, actor, args, state, enqueued_at, run_at, attempt, worker_id, started_at, finished_at)
  SELECT 'default', 'history.run', jsonb_build_array(n), 'done', t.at, t.at, 1, gen_random_uuid(), t.at, t.at
  FROM generate_series(1, $1::int) n
  CROSS JOIN LATERAL (SELECT now() - n % 2592000 * interval '1 second' AS at) t
  RETURNING id, worker_id, started_at
)
INSERT INTO jobs.attempts (job_id, number, worker_id, release, started_at, finished_at, outcome)
SELECT id, 1, worker_id, 'history', started_at, started_at, 'done' FROM ended
