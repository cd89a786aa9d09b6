-- name: keep_sample
-- What was seen of one queue in Redis; null figures when it could not be seen.
INSERT INTO jobs.queue_samples (backend, queue, depth, oldest_seconds, running, sampled_at)
VALUES ('fast', $1, $2, $3, $4, now())
ON CONFLICT (backend, queue) DO UPDATE SET
  depth = excluded.depth, oldest_seconds = excluded.oldest_seconds, running = excluded.running, sampled_at = now()

-- name: queue_figures
-- What is known of every queue.
SELECT backend, queue, depth, oldest_seconds FROM jobs.queue_health

-- name: backend_figures
-- Per backend: workers heard of lately, each once however many queues it works; and of the durable jobs
-- those that failed for good, counted up to $1.
SELECT b.name AS backend,
       (SELECT count(*) FROM jobs.workers w
        WHERE w.kind = b.name AND w.stopped_at IS NULL AND w.seen_at > now() - interval '30 seconds') AS workers,
       CASE b.name WHEN 'durable' THEN (
         SELECT count(*) FROM (SELECT FROM jobs.jobs WHERE state = 'dead' AND finished_at IS NOT NULL LIMIT $1) d
       ) END AS dead
FROM (VALUES ('durable'), ('fast')) b (name)

-- name: tasks_overdue
-- How late the recurring tasks are that are not paused.
SELECT name, overdue_seconds FROM jobs.recurring_health WHERE NOT paused
