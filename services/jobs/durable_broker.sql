-- name: enqueue_message
-- A message sent by an actor's own `send()`.
SELECT jobs.enqueue($1, $2::jsonb, $3::jsonb, queue => $4, run_at => now() + $5 * interval '1 second', options => $6::jsonb)

-- name: claim
-- Up to $4 ready jobs of known actors for a worker whose own lease holds, the most urgent first. Those
-- whose key had no slot to spare come back without a token, as they were. The first $5 begin at once;
-- behind them no job that would hold a slot while it waits, nor one that went down with a worker before.
-- $1 worker, $2 queues, $3 actors.
WITH ready AS MATERIALIZED (
  SELECT j.*, row_number() OVER (ORDER BY j.priority, j.run_at, j.id) AS place
  FROM unnest($2::text[]) AS q (name)
  CROSS JOIN LATERAL (
    SELECT id, priority, run_at, concurrency_key, crashes FROM jobs.jobs
    WHERE state = 'queued' AND queue = q.name AND actor = ANY ($3::text[]) AND run_at <= now()
    ORDER BY priority, run_at, id
    LIMIT $4
    FOR UPDATE SKIP LOCKED
  ) j
  WHERE NOT EXISTS (SELECT FROM jobs.queues p WHERE p.backend = 'durable' AND p.name = q.name AND p.paused)
    AND EXISTS (SELECT FROM jobs.workers w WHERE w.id = $1 AND w.leased_until > now())
), chosen AS MATERIALIZED (
  SELECT id, concurrency_key FROM ready
  WHERE place <= $4 AND (place <= $5 OR concurrency_key IS NULL AND crashes = 0)
), claimed AS (
  UPDATE jobs.jobs j SET
    state = 'running', worker_id = $1, lease_token = gen_random_uuid(), attempt = j.attempt + 1,
    -- Not now(): the attempt before may have been ended since this statement arrived.
    started_at = clock_timestamp()
  FROM chosen WHERE j.id = chosen.id
  RETURNING j.id, j.lease_token, j.queue, j.actor, j.args, j.kwargs, j.options, j.priority, j.run_at,
            j.enqueued_at, j.failures, j.request_id, j.traceparent
)
SELECT * FROM claimed
UNION ALL
SELECT r.id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM chosen r WHERE r.concurrency_key IS NOT NULL AND NOT EXISTS (SELECT FROM claimed c WHERE c.id = r.id)

-- name: block
-- Puts jobs that were not claimed ($1) out of the way, where their key has no slot to spare.
UPDATE jobs.jobs j SET state = 'blocked', waiting_since = now()
FROM (
  SELECT q.id FROM jobs.jobs q
  WHERE q.id = ANY ($1::uuid[]) AND q.state = 'queued'
    AND (SELECT count(*) FROM jobs.jobs r WHERE r.state = 'running' AND r.concurrency_key = q.concurrency_key)
        >= q.concurrency_max
  ORDER BY q.id FOR UPDATE SKIP LOCKED
) q
WHERE j.id = q.id
RETURNING j.id

-- name: settle
-- Ends attempts: done, dead, to be retried later, or released. Fenced: a claim that was taken back
-- changes nothing. Returns the jobs that were ours, also when an earlier call settled them and only
-- its answer was lost. What was claimed ahead started only when it began, `waited` later. $11 is the release
-- that ran them.
WITH verdict AS (
  SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::float8[], $5::text[], $6::text[], $7::text[],
                       $8::text[], $9::text[], $10::float8[])
    AS v (job_id, lease_token, outcome, delay_seconds, error_class, error_message, traceback, fingerprint, frame,
          waited_seconds)
), settled AS (
  UPDATE jobs.jobs j SET
    state = CASE WHEN v.outcome IN ('done', 'dead') THEN v.outcome ELSE 'queued' END,
    run_at = CASE v.outcome WHEN 'retry' THEN now() + v.delay_seconds * interval '1 second' ELSE j.run_at END,
    waiting_since = CASE WHEN v.outcome IN ('done', 'dead') THEN j.waiting_since ELSE now() END,
    failures = j.failures + CASE WHEN v.outcome IN ('retry', 'dead') THEN 1 ELSE 0 END,
    started_at = j.started_at + v.waited_seconds * interval '1 second',
    finished_at = CASE WHEN v.outcome IN ('done', 'dead') THEN now() END,
    error_class = coalesce(v.error_class, j.error_class),
    error_message = coalesce(left(v.error_message, 300), j.error_message),
    fingerprint = coalesce(v.fingerprint, j.fingerprint)
  FROM verdict v
  WHERE j.id = v.job_id AND j.lease_token = v.lease_token AND j.state = 'running'
  RETURNING j.id, j.attempt, j.worker_id, j.started_at, j.queue, j.actor,
            v.outcome, v.error_class, v.error_message, v.traceback, v.fingerprint, v.frame
), recorded AS (
  INSERT INTO jobs.attempts
    (job_id, number, worker_id, release, started_at, outcome, error_class, error_message, traceback)
  SELECT id, attempt, worker_id, $11, started_at,
         CASE outcome WHEN 'done' THEN 'done' WHEN 'release' THEN 'released' ELSE 'failed' END,
         error_class, error_message, traceback
  FROM settled
), grouped AS (
  -- One row for each group, in one order for all workers, so that none waits for another in a circle.
  INSERT INTO jobs.failure_groups AS g
    (fingerprint, backend, actor, error_class, frame, message, occurrences, first_release, last_release)
  SELECT fingerprint, 'durable', max(actor), max(error_class), max(frame), left(max(error_message), 300), count(*), $11, $11
  FROM settled WHERE fingerprint IS NOT NULL
  GROUP BY fingerprint ORDER BY fingerprint
  ON CONFLICT (fingerprint) DO UPDATE SET
    last_seen = excluded.last_seen, occurrences = g.occurrences + excluded.occurrences, actor = excluded.actor,
    message = excluded.message, last_release = excluded.last_release
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
-- restart a lease may be over because nobody could renew it. $4 leases whose holder says itself that
-- it could not write how they ended.
WITH lost AS MATERIALIZED (
  SELECT j.id FROM jobs.jobs j
  WHERE j.state = 'running'
    AND (j.lease_token = ANY ($4::uuid[])
         OR NOT EXISTS (SELECT FROM jobs.workers w WHERE w.id = j.worker_id AND w.leased_until > now())
            AND pg_postmaster_start_time() < now() - $3 * interval '1 second')
  ORDER BY j.id
  LIMIT 1000
  FOR UPDATE SKIP LOCKED
), recovered AS (
  UPDATE jobs.jobs j SET
    state = CASE WHEN j.crashes + 1 >= $1 THEN 'crashed' ELSE 'queued' END,
    finished_at = CASE WHEN j.crashes + 1 >= $1 THEN now() END,
    waiting_since = now(),
    crashes = j.crashes + 1,
    error_class = 'WorkerLost',
    error_message = why.message,
    fingerprint = jobs.fingerprint('durable', 'WorkerLost', j.actor),
    lease_token = NULL
  FROM lost, (VALUES (true, 'The result could not be written'), (false, 'The worker went away')) why (told, message)
  WHERE j.id = lost.id AND why.told = (j.lease_token = ANY ($4::uuid[]))
  RETURNING j.id, j.attempt, j.worker_id, j.started_at, j.queue, j.actor, j.args, j.unique_key, j.state, j.error_message,
            j.fingerprint
), recorded AS (
  INSERT INTO jobs.attempts (job_id, number, worker_id, release, started_at, outcome, error_message)
  SELECT r.id, r.attempt, r.worker_id, coalesce(w.release, $2), r.started_at, 'crashed', r.error_message
  FROM recovered r LEFT JOIN jobs.workers w ON w.id = r.worker_id
), grouped AS (
  INSERT INTO jobs.failure_groups AS g
    (fingerprint, backend, actor, error_class, frame, message, occurrences, first_release, last_release)
  SELECT r.fingerprint, 'durable', max(r.actor), 'WorkerLost', max(r.actor), max(r.error_message), count(*),
         max(coalesce(w.release, $2)), max(coalesce(w.release, $2))
  FROM recovered r LEFT JOIN jobs.workers w ON w.id = r.worker_id
  GROUP BY r.fingerprint ORDER BY r.fingerprint
  ON CONFLICT (fingerprint) DO UPDATE SET
    last_seen = excluded.last_seen, occurrences = g.occurrences + excluded.occurrences,
    message = excluded.message, last_release = excluded.last_release
), stranded AS (
  -- A bulk action whose job is parked goes no further until somebody retries that, and would be `at work` for ever;
  -- unless its next slice runs already.
  UPDATE jobs.bulk_actions b SET state = 'failed', finished_at = now(), error = 'WorkerLost: ' || r.error_message
  FROM recovered r
  WHERE r.actor = 'jobs.run_bulk' AND r.state = 'crashed'
    AND b.id::text = r.args ->> 0 AND b.state IN ('waiting', 'running')
    AND NOT EXISTS (SELECT FROM jobs.jobs o WHERE o.state = 'running' AND o.unique_key = r.unique_key
                    AND o.id NOT IN (SELECT l.id FROM lost l))
), woken AS (
  SELECT pg_notify('jobs', q.queue) FROM (SELECT DISTINCT queue FROM recovered WHERE state = 'queued') q
)
SELECT r.id, r.queue, r.actor, r.state, (SELECT count(*) FROM woken) AS queues_woken FROM recovered r

-- name: hand_back_unknown
-- Jobs leased to this worker that it does not hold: the answer to their claim was lost, or came too late.
-- $1 worker, $2 the jobs it does have.
WITH handed_back AS (
  UPDATE jobs.jobs SET state = 'queued', waiting_since = now(), lease_token = NULL
  WHERE state = 'running' AND worker_id = $1 AND id <> ALL ($2::uuid[])
  RETURNING id, queue
), woken AS (
  SELECT pg_notify('jobs', q.queue) FROM (SELECT DISTINCT queue FROM handed_back) q
)
SELECT id, (SELECT count(*) FROM woken) AS queues_woken FROM handed_back

-- name: unblock
-- Jobs that are blocked although their key has slots to spare: the last one of the key ended while they
-- were being blocked, or the one that was let in has a paused queue. Costs a step for each key that blocks.
WITH RECURSIVE paused AS (
  SELECT array_agg(name) AS queues FROM jobs.queues WHERE backend = 'durable' AND paused
), keys (key) AS (
  SELECT min(concurrency_key) FROM jobs.jobs WHERE state = 'blocked' AND concurrency_key IS NOT NULL
  UNION ALL
  SELECT (SELECT min(j.concurrency_key) FROM jobs.jobs j WHERE j.state = 'blocked' AND j.concurrency_key > k.key)
  FROM keys k WHERE k.key IS NOT NULL
), next AS MATERIALIZED (
  SELECT n.id FROM keys k
  CROSS JOIN LATERAL (
    SELECT (SELECT count(*) FROM jobs.jobs r WHERE r.state = 'running' AND r.concurrency_key = k.key)
         + (SELECT count(*) FROM (SELECT FROM jobs.jobs q WHERE q.state = 'queued' AND q.concurrency_key = k.key
                                  AND q.run_at <= now()
                                  AND q.queue <> ALL (coalesce((SELECT queues FROM paused), '{}'))
                                  LIMIT 1000) q) AS jobs
  ) taken
  CROSS JOIN LATERAL (
    SELECT j.id, j.concurrency_max, row_number() OVER () AS place FROM (
      SELECT id, concurrency_max FROM jobs.jobs
      WHERE state = 'blocked' AND concurrency_key = k.key
        AND queue <> ALL (coalesce((SELECT queues FROM paused), '{}'))
      ORDER BY priority, run_at, id LIMIT 1000
    ) j
  ) n
  WHERE k.key IS NOT NULL AND n.place + taken.jobs <= n.concurrency_max
), unblocked AS (
  UPDATE jobs.jobs j SET state = 'queued', waiting_since = now() FROM (
    SELECT b.id FROM jobs.jobs b JOIN next ON next.id = b.id WHERE b.state = 'blocked'
    ORDER BY b.id FOR UPDATE OF b SKIP LOCKED
  ) n WHERE j.id = n.id
  RETURNING j.id, j.queue
), woken AS (
  SELECT pg_notify('jobs', q.queue) FROM (SELECT DISTINCT queue FROM unblocked) q
)
SELECT id, (SELECT count(*) FROM woken) AS queues_woken FROM unblocked
