-- name: workers
-- Workers heard of in the last hour, those at work first. `alive` as in jobs.queue_health.
SELECT id::text, kind, host, pid, release, queues, threads, started_at, seen_at, stopped_at, current_jobs,
       stopped_at IS NULL AND seen_at > now() - interval '30 seconds' AS alive
FROM jobs.workers
WHERE seen_at > now() - interval '1 hour'
ORDER BY alive DESC, kind, host, started_at
LIMIT 500
