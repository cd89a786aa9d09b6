-- name: recurring_tasks
-- How far each task has come, and what became of its last run's job.
SELECT t.name, t.next_run_at, t.paused_at, t.last_run_at, t.last_job_id,
       CASE WHEN j.state <> 'queued' THEN j.state
            WHEN j.run_at > now() THEN 'scheduled'
            WHEN j.run_at IS NOT NULL THEN 'ready' END AS last_state
FROM jobs.recurring_tasks t LEFT JOIN jobs.jobs j ON j.id = t.last_job_id

-- name: clock_time
-- The time by which the clock runs.
SELECT jobs.clock_now()

-- name: pause
-- Task $1 is left alone from now on; $2 is when it would be due, should no clock have seen it yet.
INSERT INTO jobs.recurring_tasks AS t (name, checked_until, next_run_at, paused_at)
VALUES ($1, jobs.clock_now(), $2, jobs.clock_now())
ON CONFLICT (name) DO UPDATE SET paused_at = coalesce(t.paused_at, excluded.paused_at)

-- name: resume
-- Task $1 runs again, from its next due time on: what fell into the pause was not missed.
UPDATE jobs.recurring_tasks SET paused_at = NULL, checked_until = jobs.clock_now(), next_run_at = $2
WHERE name = $1 AND paused_at IS NOT NULL
