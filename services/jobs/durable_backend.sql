-- name: enqueue_many
-- All of them, or none.
SELECT jobs.enqueue_many($1::jsonb, request_id => $2, traceparent => $3)

-- name: queues
-- Every queue as it is now; counts up to $1.
SELECT h.queue, h.paused, h.depth, h.running, h.oldest_seconds, h.workers, ahead.jobs AS scheduled
FROM jobs.queue_health h
CROSS JOIN LATERAL (
  WITH RECURSIVE lanes (priority) AS (
    (SELECT min(priority) FROM jobs.jobs WHERE state = 'queued' AND queue = h.queue)
    UNION ALL
    SELECT (SELECT min(priority) FROM jobs.jobs WHERE state = 'queued' AND queue = h.queue AND priority > l.priority)
    FROM lanes l WHERE l.priority IS NOT NULL
  )
  SELECT count(*) AS jobs FROM (
    SELECT FROM lanes l CROSS JOIN LATERAL (
      SELECT FROM jobs.jobs j
      WHERE j.state = 'queued' AND j.queue = h.queue AND j.priority = l.priority AND j.run_at > now()
      ORDER BY j.run_at LIMIT $1
    ) j
    WHERE l.priority IS NOT NULL
    LIMIT $1
  ) j
) ahead
WHERE h.backend = 'durable'
ORDER BY h.queue

-- name: pause
-- $2 whether nothing more of the queue $1 is to be begun.
UPDATE jobs.queues SET paused = $2 WHERE backend = 'durable' AND name = $1
RETURNING CASE WHEN NOT $2 THEN pg_notify('jobs', name) END

-- name: counts
-- Jobs by state, each counted up to $1, the oldest of the ended first: their pages have settled.
WITH RECURSIVE lanes (queue, priority) AS (
  (SELECT queue, priority FROM jobs.jobs WHERE state = 'queued' ORDER BY queue, priority LIMIT 1)
  UNION ALL
  SELECT n.* FROM lanes l CROSS JOIN LATERAL (
    SELECT queue, priority FROM jobs.jobs WHERE state = 'queued' AND (queue, priority) > (l.queue, l.priority)
    ORDER BY queue, priority LIMIT 1
  ) n
)
SELECT 'scheduled' AS state, count(*) AS jobs FROM (
  SELECT FROM lanes l CROSS JOIN LATERAL (
    SELECT FROM jobs.jobs j
    WHERE j.state = 'queued' AND j.queue = l.queue AND j.priority = l.priority AND j.run_at > now()
    ORDER BY j.run_at LIMIT $1
  ) j LIMIT $1
) j
UNION ALL
SELECT 'ready', count(*) FROM (
  SELECT FROM lanes l CROSS JOIN LATERAL (
    SELECT FROM jobs.jobs j
    WHERE j.state = 'queued' AND j.queue = l.queue AND j.priority = l.priority AND j.run_at <= now()
    ORDER BY j.run_at LIMIT $1
  ) j LIMIT $1
) j
UNION ALL
SELECT 'blocked', count(*) FROM (SELECT FROM jobs.jobs WHERE state = 'blocked' LIMIT $1) j
UNION ALL
SELECT 'running', count(*) FROM (SELECT FROM jobs.jobs WHERE state = 'running' LIMIT $1) j
UNION ALL
SELECT ended.state, j.jobs FROM unnest('{done,dead,crashed,discarded}'::text[]) ended (state)
CROSS JOIN LATERAL (
  SELECT count(*) AS jobs FROM (
    SELECT FROM jobs.jobs j WHERE j.state = ended.state AND j.finished_at IS NOT NULL
    ORDER BY j.finished_at LIMIT $1
  ) j
) j

-- name: job
-- One job with its last 100 attempts, the oldest of them first.
SELECT j.id, j.queue, j.actor, j.state, j.priority, j.attempt, j.enqueued_at, j.run_at > now() AS is_ahead,
       CASE WHEN j.finished_at IS NOT NULL THEN j.finished_at
            WHEN j.state = 'running' THEN j.started_at ELSE j.run_at END AS at,
       j.error_class, j.error_message, j.args::text, j.kwargs::text, j.run_at, j.started_at, j.finished_at,
       j.failures, j.crashes, j.unique_key, j.concurrency_key, j.request_id, j.traceparent, j.fingerprint,
       w.host || ':' || w.pid AS worker, coalesce(tried.attempts, '[]')::text AS attempts
FROM jobs.jobs j
LEFT JOIN jobs.workers w ON w.id = j.worker_id
LEFT JOIN LATERAL (
  SELECT jsonb_agg(to_jsonb(a) - 'job_id' - 'worker_id' || jsonb_build_object(
           'worker', b.host || ':' || b.pid,
           'duration_ms', extract(epoch FROM a.finished_at - a.started_at)::float8 * 1000
         ) ORDER BY a.number) AS attempts
  FROM (SELECT * FROM jobs.attempts WHERE job_id = j.id ORDER BY number DESC LIMIT 100) a
  LEFT JOIN jobs.workers b ON b.id = a.worker_id
) tried ON true
WHERE j.id = $1

-- name: retry_one
-- $2 the states that may be retried. Null: another state; no row: no such job.
WITH found AS MATERIALIZED (
  SELECT id, state FROM jobs.jobs WHERE id = $1 FOR UPDATE
), changed AS (
  UPDATE jobs.jobs j SET
    state = 'queued', run_at = now(), finished_at = NULL, failures = 0, crashes = 0,
    attempt = CASE WHEN j.unique_key IS NULL THEN j.attempt ELSE greatest(j.attempt, 1) END
  FROM found WHERE j.id = found.id AND found.state = ANY ($2::text[])
  RETURNING j.id, pg_notify('jobs', j.queue)
)
SELECT found.state, changed.id IS NOT NULL AS changed FROM found LEFT JOIN changed ON changed.id = found.id

-- name: discard_one
-- $2 the states that may be discarded.
WITH found AS MATERIALIZED (
  SELECT id, state FROM jobs.jobs WHERE id = $1 FOR UPDATE
), changed AS (
  UPDATE jobs.jobs j SET state = 'discarded', finished_at = now()
  FROM found WHERE j.id = found.id AND found.state = ANY ($2::text[])
  RETURNING j.id
)
SELECT found.state, changed.id IS NOT NULL AS changed FROM found LEFT JOIN changed ON changed.id = found.id
