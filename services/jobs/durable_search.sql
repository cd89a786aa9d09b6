-- Searches come in two halves. The first walks one index in the list's order, from the cursor on, over at most
-- $11 jobs, and numbers them by `place`; the second picks those that fit. A job at place $11 is returned even
-- if it does not fit: there the search stopped. All take the same parameters:
-- $1 state, $2 group, $3 queue, $4 actor, $5 text, $6 error, $7 since, $8 until (of the list's time `at`),
-- $9 time and $10 id of the cursor, $11 jobs to walk at most, $12 jobs wanted, $13 came into their state before.

-- name: ended
-- Done, dead, crashed or discarded, newest first.
SELECT j.*, j.finished_at AS at, row_number() OVER (ORDER BY j.finished_at DESC, j.id DESC) AS place
FROM jobs.jobs j
WHERE j.state = $1 AND j.finished_at IS NOT NULL AND (j.finished_at, j.id) < ($9::timestamptz, $10::uuid)
  AND j.finished_at >= $7::timestamptz AND j.finished_at < $8::timestamptz
ORDER BY j.finished_at DESC, j.id DESC LIMIT $11

-- name: of_a_group
-- What a failure left behind, newest first.
SELECT j.*, j.finished_at AS at, row_number() OVER (ORDER BY j.finished_at DESC, j.id DESC) AS place
FROM jobs.jobs j
WHERE j.state IN ('dead', 'crashed', 'discarded') AND j.fingerprint = $2
  AND (j.finished_at, j.id) < ($9::timestamptz, $10::uuid)
  AND j.finished_at >= $7::timestamptz AND j.finished_at < $8::timestamptz
ORDER BY j.finished_at DESC, j.id DESC LIMIT $11

-- name: waiting
-- Scheduled or ready, next first: the heads of all lanes (queue and priority, of which there are few) merged.
WITH RECURSIVE lanes (queue, priority) AS (
  (SELECT queue, priority FROM jobs.jobs WHERE state = 'queued' ORDER BY queue, priority LIMIT 1)
  UNION ALL
  SELECT n.* FROM lanes l CROSS JOIN LATERAL (
    SELECT queue, priority FROM jobs.jobs WHERE state = 'queued' AND (queue, priority) > (l.queue, l.priority)
    ORDER BY queue, priority LIMIT 1
  ) n
), heads AS (
  SELECT h.id, h.run_at, row_number() OVER (ORDER BY h.run_at, h.id) AS place
  FROM lanes l CROSS JOIN LATERAL (
    SELECT id, run_at FROM jobs.jobs
    WHERE state = 'queued' AND queue = l.queue AND priority = l.priority
      AND (run_at, id) > ($9::timestamptz, $10::uuid) AND run_at >= $7::timestamptz AND run_at < $8::timestamptz
      AND run_at > CASE $1 WHEN 'scheduled' THEN now() ELSE '-infinity' END
      AND run_at <= CASE $1 WHEN 'ready' THEN now() ELSE 'infinity' END
    ORDER BY run_at, id LIMIT $11
  ) h
  WHERE $3::text IS NULL OR l.queue = $3
  ORDER BY h.run_at, h.id LIMIT $11
)
SELECT j.*, j.run_at AS at, h.place
FROM heads h CROSS JOIN LATERAL (SELECT * FROM jobs.jobs q WHERE q.id = h.id OFFSET 0) j

-- name: waiting_in_any_order
-- Scheduled or ready, to be counted: no row is looked up twice.
WITH RECURSIVE lanes (queue, priority) AS (
  (SELECT queue, priority FROM jobs.jobs WHERE state = 'queued' ORDER BY queue, priority LIMIT 1)
  UNION ALL
  SELECT n.* FROM lanes l CROSS JOIN LATERAL (
    SELECT queue, priority FROM jobs.jobs WHERE state = 'queued' AND (queue, priority) > (l.queue, l.priority)
    ORDER BY queue, priority LIMIT 1
  ) n
)
SELECT j.*
FROM lanes l CROSS JOIN LATERAL (
  SELECT * FROM jobs.jobs
  WHERE state = 'queued' AND queue = l.queue AND priority = l.priority
    AND run_at >= $7::timestamptz AND run_at < $8::timestamptz
    AND run_at > CASE $1 WHEN 'scheduled' THEN now() ELSE '-infinity' END
    AND run_at <= CASE $1 WHEN 'ready' THEN now() ELSE 'infinity' END
  ORDER BY run_at LIMIT $11
) j
WHERE ($3::text IS NULL OR l.queue = $3) AND $10::uuid IS NOT NULL
LIMIT $11

-- name: blocked
-- Next first.
SELECT j.*, j.run_at AS at, row_number() OVER (ORDER BY j.run_at, j.id) AS place
FROM jobs.jobs j
WHERE j.state = 'blocked' AND (j.run_at, j.id) > ($9::timestamptz, $10::uuid)
  AND j.run_at >= $7::timestamptz AND j.run_at < $8::timestamptz
ORDER BY j.run_at, j.id LIMIT $11

-- name: running
-- Newest first; as many as there are threads.
SELECT j.*, j.started_at AS at, row_number() OVER (ORDER BY j.started_at DESC, j.id DESC) AS place
FROM jobs.jobs j
WHERE j.state = 'running' AND (j.started_at, j.id) < ($9::timestamptz, $10::uuid)
  AND j.started_at >= $7::timestamptz AND j.started_at < $8::timestamptz
ORDER BY j.started_at DESC, j.id DESC LIMIT $11

-- name: of_all_states
-- Newest first; ids begin with the time, in milliseconds.
SELECT j.*, j.enqueued_at AS at, row_number() OVER (ORDER BY j.id DESC) AS place
FROM jobs.jobs j
WHERE j.id < $10::uuid
  AND j.id >= (lpad(to_hex((extract(epoch FROM $7::timestamptz) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
  AND j.id < (lpad(to_hex((extract(epoch FROM $8::timestamptz) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
ORDER BY j.id DESC LIMIT $11

-- name: fits
-- Whether a job is one of those looked for.
($1::text IS NULL OR j.state = CASE WHEN $1 IN ('scheduled', 'ready') THEN 'queued' ELSE $1 END)
AND ($2::text IS NULL OR j.fingerprint = $2)
AND ($3::text IS NULL OR j.queue = $3)
AND ($4::text IS NULL OR j.actor = $4)
AND ($5::text IS NULL OR strpos(lower(j.args::text || ' ' || j.kwargs::text), lower($5)) > 0)
AND ($6::text IS NULL OR strpos(lower(concat_ws(': ', j.error_class, j.error_message)), lower($6)) > 0)
AND coalesce(j.finished_at, greatest(j.enqueued_at, j.waiting_since, CASE WHEN j.run_at <= now() THEN j.run_at END))
    < $13::timestamptz
AND $9::timestamptz IS NOT NULL

-- name: page
-- Arguments too large for a line are not fetched.
SELECT j.id, j.queue, j.actor, j.state, j.priority, j.attempt, j.enqueued_at, j.run_at > now() AS is_ahead, j.at,
       j.error_class, j.error_message, j.place, f.fits,
       CASE WHEN pg_column_size(j.args) <= 8000 AND length(j.args::text) <= 20000 THEN j.args::text END AS args,
       CASE WHEN pg_column_size(j.kwargs) <= 8000 AND length(j.kwargs::text) <= 20000 THEN j.kwargs::text END AS kwargs
FROM (/* search */) j CROSS JOIN LATERAL (SELECT (/* fits */) AS fits) f
WHERE f.fits OR j.place = $11
LIMIT $12

-- name: count
-- How many jobs fit, up to $12.
SELECT count(*) FROM (
  SELECT FROM (/* search */) j WHERE (/* fits */) LIMIT $12
) found

-- name: retry
-- Back into the queue with all tries anew. `attempt` stays above 0, so that a job never collides with the one
-- that was enqueued under its unique key meanwhile. $14 the states that may be retried.
WITH found AS MATERIALIZED (
  SELECT j.id, j.at, j.place, f.fits
  FROM (/* search */) j CROSS JOIN LATERAL (SELECT (/* fits */) AS fits) f
  WHERE f.fits OR j.place = $11
  LIMIT $12
), changed AS (
  UPDATE jobs.jobs j SET
    state = 'queued', run_at = now(), finished_at = NULL, failures = 0, crashes = 0,
    attempt = CASE WHEN j.unique_key IS NULL THEN j.attempt ELSE greatest(j.attempt, 1) END
  FROM (
    SELECT b.id FROM found JOIN jobs.jobs b ON b.id = found.id
    WHERE found.fits AND b.state = ANY ($14::text[]) ORDER BY b.id FOR UPDATE OF b SKIP LOCKED
  ) n
  WHERE j.id = n.id
  RETURNING j.id, j.queue
), woken AS (
  SELECT pg_notify('jobs', q.queue) FROM (SELECT DISTINCT queue FROM changed) q
)
SELECT (SELECT count(*) FROM found WHERE fits) AS seen, (SELECT count(*) FROM changed) AS changed,
       (SELECT count(*) FROM woken) AS queues_woken,
       (SELECT count(*) FROM found) >= $12 OR last.place >= $11 AS more, last.at, last.id
FROM (VALUES (true)) one LEFT JOIN LATERAL (SELECT * FROM found ORDER BY place DESC LIMIT 1) last ON true

-- name: discard
-- Will not run (again). $14 the states that may be discarded.
WITH found AS MATERIALIZED (
  SELECT j.id, j.at, j.place, f.fits
  FROM (/* search */) j CROSS JOIN LATERAL (SELECT (/* fits */) AS fits) f
  WHERE f.fits OR j.place = $11
  LIMIT $12
), changed AS (
  UPDATE jobs.jobs j SET state = 'discarded', finished_at = now()
  FROM (
    SELECT b.id FROM found JOIN jobs.jobs b ON b.id = found.id
    WHERE found.fits AND b.state = ANY ($14::text[]) ORDER BY b.id FOR UPDATE OF b SKIP LOCKED
  ) n
  WHERE j.id = n.id
  RETURNING j.id
)
SELECT (SELECT count(*) FROM found WHERE fits) AS seen, (SELECT count(*) FROM changed) AS changed,
       (SELECT count(*) FROM found) >= $12 OR last.place >= $11 AS more, last.at, last.id
FROM (VALUES (true)) one LEFT JOIN LATERAL (SELECT * FROM found ORDER BY place DESC LIMIT 1) last ON true
