-- name: keep_sample
-- What was seen of one queue in Redis; null figures when it could not be seen.
INSERT INTO jobs.queue_samples (backend, queue, depth, oldest_seconds, running, sampled_at)
VALUES ('fast', $1, $2, $3, $4, now())
ON CONFLICT (backend, queue) DO UPDATE SET
  depth = excluded.depth, oldest_seconds = excluded.oldest_seconds, running = excluded.running, sampled_at = now()

-- name: queue_figures
-- What is known of every queue.
SELECT backend, queue, depth, oldest_seconds FROM jobs.queue_health
