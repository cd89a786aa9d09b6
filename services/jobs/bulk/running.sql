-- name: begin
-- Takes up a bulk action that has not ended; one that failed goes on when its job is retried.
UPDATE jobs.bulk_actions SET state = 'running', started_at = coalesce(started_at, now()), finished_at = NULL
WHERE id = $1 AND state IN ('waiting', 'running', 'failed')
RETURNING *

-- name: hold
-- One batch of an action at a time, until the transaction ends. Not the row itself: to cancel must not wait.
SELECT pg_advisory_xact_lock(x'6b11'::int, hashtext($1::text))

-- name: place
-- Where the next batch begins.
SELECT state, cursor, failures FROM jobs.bulk_actions WHERE id = $1

-- name: progress
-- Counts a batch. $2 seen, $3 changed, $4 cursor, $5 whether it was the last one.
UPDATE jobs.bulk_actions SET
  seen = seen + $2, changed = changed + $3, cursor = $4, failures = 0, error = NULL,
  state = CASE WHEN state = 'running' AND $5 THEN 'done' ELSE state END,
  finished_at = CASE WHEN state = 'running' AND $5 THEN now() ELSE finished_at END
WHERE id = $1
RETURNING state

-- name: stumbled
-- Notes a failure; after $3 in a row (null: never) the action has failed.
UPDATE jobs.bulk_actions SET
  failures = failures + 1, error = $2,
  state = CASE WHEN failures + 1 >= $3 THEN 'failed' ELSE state END,
  finished_at = CASE WHEN failures + 1 >= $3 THEN now() END
WHERE id = $1 AND state = 'running'
RETURNING state
