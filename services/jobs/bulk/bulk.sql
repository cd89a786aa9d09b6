-- name: start
-- Freezes an order and enqueues the job that works it off; no row when the same order is at work.
-- $1 id, $2 backend, $3 verb, $4 filter, $5 before, $6 rate, $7 expected, $8 by, $9 request, $10 traceparent.
WITH started AS (
  INSERT INTO jobs.bulk_actions (id, backend, verb, wanted, before, rate, expected, by)
  VALUES ($1, $2, $3, $4::jsonb, $5, $6, $7, $8)
  ON CONFLICT (backend, verb, md5(wanted::text)) WHERE state IN ('waiting', 'running') DO NOTHING
  RETURNING id
)
SELECT jobs.enqueue('jobs.run_bulk', jsonb_build_array(id), unique_key => 'bulk:' || id,
                    request_id => $9, traceparent => $10)
FROM started

-- name: at_work
-- The same order that is at work.
SELECT id::text FROM jobs.bulk_actions
WHERE backend = $1 AND verb = $2 AND md5(wanted::text) = md5($3::jsonb::text) AND state IN ('waiting', 'running')

-- name: one
-- One bulk action.
SELECT * FROM jobs.bulk_actions WHERE id = $1

-- name: page
-- Bulk actions, newest first, after ($1, $2); $3 rows.
SELECT * FROM jobs.bulk_actions
WHERE $1::timestamptz IS NULL OR (created_at, id) < ($1, $2)
ORDER BY created_at DESC, id DESC
LIMIT $3

-- name: cancel
-- Ends what has not ended. The batch in hand still counts.
UPDATE jobs.bulk_actions SET state = 'cancelled', finished_at = now()
WHERE id = $1 AND state IN ('waiting', 'running', 'failed')
RETURNING id

-- name: moment
-- The database's clock, by which jobs come into their states.
SELECT now()
