-- name: enqueue_message
-- A message sent by an actor's own `send()`.
SELECT jobs.enqueue($1, $2::jsonb, $3::jsonb, queue => $4, run_at => now() + $5 * interval '1 second', options => $6::jsonb)

-- name: claim
-- Up to $4 ready jobs of known actors for a worker whose own lease holds, the most urgent first.
-- $1 worker, $2 queues, $3 actors.
WITH ready AS MATERIALIZED (
  SELECT j.id
  FROM unnest($2::text[]) AS q (name)
  CROSS JOIN LATERAL (
    SELECT id, priority, run_at FROM jobs.jobs
    WHERE state = 'queued' AND queue = q.name AND actor = ANY ($3::text[]) AND run_at <= now()
    ORDER BY priority, run_at, id
    LIMIT $4
    FOR UPDATE SKIP LOCKED
  ) j
  WHERE NOT EXISTS (SELECT FROM jobs.queues p WHERE p.backend = 'durable' AND p.name = q.name AND p.paused)
    AND EXISTS (SELECT FROM jobs.workers w WHERE w.id = $1 AND w.leased_until > now())
  ORDER BY j.priority, j.run_at, j.id
  LIMIT $4
)
UPDATE jobs.jobs j SET
  state = 'running', worker_id = $1, lease_token = gen_random_uuid(), attempt = j.attempt + 1, started_at = now()
FROM ready WHERE j.id = ready.id
RETURNING j.id, j.lease_token, j.queue, j.actor, j.args, j.kwargs, j.options, j.priority, j.run_at,
          j.enqueued_at, j.failures, j.request_id, j.traceparent

-- name: settle
-- Ends attempts: done, dead, to be retried later, or released. Fenced: a claim that was taken back
-- changes nothing. Returns the jobs that were ours, also when an earlier call settled them and only
-- its answer was lost. $8 is the release that ran them.
WITH verdict AS (
  SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::float8[], $5::text[], $6::text[], $7::text[])
    AS v (job_id, lease_token, outcome, delay_seconds, error_class, error_message, traceback)
), settled AS (
  UPDATE jobs.jobs j SET
    state = CASE WHEN v.outcome IN ('done', 'dead') THEN v.outcome ELSE 'queued' END,
    run_at = CASE v.outcome WHEN 'retry' THEN now() + v.delay_seconds * interval '1 second' ELSE j.run_at END,
    failures = j.failures + CASE WHEN v.outcome IN ('retry', 'dead') THEN 1 ELSE 0 END,
    finished_at = CASE WHEN v.outcome IN ('done', 'dead') THEN now() END
  FROM verdict v
  WHERE j.id = v.job_id AND j.lease_token = v.lease_token AND j.state = 'running'
  RETURNING j.id, j.attempt, j.worker_id, j.started_at, j.queue,
            v.outcome, v.error_class, v.error_message, v.traceback
), recorded AS (
  INSERT INTO jobs.attempts
    (job_id, number, worker_id, release, started_at, outcome, error_class, error_message, traceback)
  SELECT id, attempt, worker_id, $8, started_at,
         CASE outcome WHEN 'done' THEN 'done' WHEN 'release' THEN 'released' ELSE 'failed' END,
         error_class, error_message, traceback
  FROM settled
), woken AS (
  SELECT pg_notify('jobs', q.queue) FROM (SELECT DISTINCT queue FROM settled WHERE outcome = 'release') q
)
SELECT v.job_id, (SELECT count(*) FROM woken) AS queues_woken
FROM verdict v
LEFT JOIN settled s ON s.id = v.job_id
LEFT JOIN jobs.jobs j ON j.id = v.job_id AND j.lease_token = v.lease_token AND j.state <> 'running'
WHERE s.id IS NOT NULL OR j.id IS NOT NULL

-- name: recover
-- Takes back the jobs of workers whose lease is over, and parks those that took too many workers
-- with them. $1 crashes at most, $2 release, $3 seconds of grace: just after PostgreSQL's own
-- restart a lease may be over because nobody could renew it.
WITH lost AS MATERIALIZED (
  SELECT j.id FROM jobs.jobs j
  WHERE j.state = 'running'
    AND NOT EXISTS (SELECT FROM jobs.workers w WHERE w.id = j.worker_id AND w.leased_until > now())
    AND pg_postmaster_start_time() < now() - $3 * interval '1 second'
  ORDER BY j.id
  LIMIT 1000
  FOR UPDATE SKIP LOCKED
), recovered AS (
  UPDATE jobs.jobs j SET
    state = CASE WHEN j.crashes + 1 >= $1 THEN 'crashed' ELSE 'queued' END,
    finished_at = CASE WHEN j.crashes + 1 >= $1 THEN now() END,
    crashes = j.crashes + 1,
    lease_token = NULL
  FROM lost WHERE j.id = lost.id
  RETURNING j.id, j.attempt, j.worker_id, j.started_at, j.queue, j.state
), recorded AS (
  INSERT INTO jobs.attempts (job_id, number, worker_id, release, started_at, outcome, error_message)
  SELECT r.id, r.attempt, r.worker_id, coalesce(w.release, $2), r.started_at, 'crashed', 'The worker went away'
  FROM recovered r LEFT JOIN jobs.workers w ON w.id = r.worker_id
), woken AS (
  SELECT pg_notify('jobs', q.queue) FROM (SELECT DISTINCT queue FROM recovered WHERE state = 'queued') q
)
SELECT r.id, r.state, (SELECT count(*) FROM woken) AS queues_woken FROM recovered r

-- name: hand_back_unknown
-- Jobs claimed for this worker that it never heard of, because the answer to a claim was lost.
-- $1 worker, $2 the jobs it does have.
UPDATE jobs.jobs SET state = 'queued', lease_token = NULL
WHERE state = 'running' AND worker_id = $1 AND id <> ALL ($2::uuid[])
RETURNING id
