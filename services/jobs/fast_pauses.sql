-- name: paused_queues
-- The fast queues of which nothing may begin.
SELECT name FROM jobs.queues WHERE backend = 'fast' AND paused

-- name: set_paused
-- A fast queue is paused, or goes on.
INSERT INTO jobs.queues (backend, name, paused) VALUES ('fast', $1, $2)
ON CONFLICT (backend, name) DO UPDATE SET paused = excluded.paused

-- name: queue_rows
-- What PostgreSQL knows of the fast queues.
SELECT queue, paused, workers FROM jobs.queue_health WHERE backend = 'fast'

-- name: running_job
-- Who said at the last heartbeat that it runs this job, and since when.
SELECT job ->> 'id' AS id, w.host || ':' || w.pid AS worker, (job ->> 'started_at')::timestamptz AS started_at
FROM jobs.workers w CROSS JOIN LATERAL jsonb_array_elements(w.current_jobs) job
WHERE w.kind = 'fast' AND w.stopped_at IS NULL AND w.seen_at > now() - interval '30 seconds' AND job ->> 'id' = $1
