-- name: hold_tasks
-- How far the tasks $1 have come, for the clock that now sees to them; what another clock has in hand is
-- passed over. Always one row at least, for the time.
WITH held AS (
  SELECT name, checked_until, paused_at IS NOT NULL AS paused
  FROM jobs.recurring_tasks WHERE name = ANY ($1::text[])
  FOR UPDATE SKIP LOCKED
)
SELECT t.now, h.name, h.checked_until, h.paused
FROM (SELECT jobs.clock_now() AS now) t LEFT JOIN held h ON true

-- name: keep_tasks
-- Due times up to $4 are seen to for the held tasks $1, which are due next at $2. Tasks among $3 that have
-- no row yet get one; $5 is when those are due. Rows of tasks that no clock has known for an hour go.
WITH kept AS (
  UPDATE jobs.recurring_tasks t SET checked_until = $4, next_run_at = h.next_run_at
  FROM unnest($1::text[], $2::timestamptz[]) h (name, next_run_at) WHERE t.name = h.name
), forgotten AS (
  DELETE FROM jobs.recurring_tasks
  WHERE name <> ALL ($1::text[] || $3::text[]) AND checked_until < $4 - interval '1 hour'
)
INSERT INTO jobs.recurring_tasks (name, checked_until, next_run_at)
SELECT n.name, $4, n.next_run_at FROM unnest($3::text[], $5::timestamptz[]) n (name, next_run_at)
ON CONFLICT (name) DO NOTHING

-- name: begin_run
-- The run of task $1 at $2 is ours to start; no row when it was started before.
INSERT INTO jobs.recurring_runs (task, run_at, by_hand) VALUES ($1, $2, $3)
ON CONFLICT (task, run_at) DO NOTHING
RETURNING run_at

-- name: keep_run
-- Run $2 of task $1 is job $3.
WITH kept AS (UPDATE jobs.recurring_runs SET job_id = $3 WHERE task = $1 AND run_at = $2)
UPDATE jobs.recurring_tasks SET last_run_at = $2, last_job_id = $3 WHERE name = $1
