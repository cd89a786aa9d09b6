-- name: lock
-- Locks the counters, in one order for all, and tells where each stands: the guesses so far (none after a
-- quiet day) and how long it is still closed.
INSERT INTO jobs.staff_tries AS t (key) SELECT key FROM unnest($1::bytea[]) key ORDER BY key
ON CONFLICT (key) DO UPDATE SET key = excluded.key
RETURNING key, CASE WHEN t.tried_at > now() - interval '1 day' THEN t.tries ELSE 0 END AS tries,
          extract(epoch FROM t.blocked_until - clock_timestamp())::float8 AS wait_seconds

-- name: charge
-- One guess more for each, and how long each is closed from now on.
UPDATE jobs.staff_tries t SET tries = c.tries, tried_at = clock_timestamp(),
       blocked_until = clock_timestamp() + make_interval(secs => c.seconds)
FROM unnest($1::bytea[], $2::int[], $3::float8[]) c (key, tries, seconds) WHERE t.key = c.key

-- name: reset
-- A right guess makes up for the wrong ones.
DELETE FROM jobs.staff_tries WHERE key = ANY ($1::bytea[])

-- name: refund
-- The guess was none.
UPDATE jobs.staff_tries SET tries = greatest(tries - 1, 0), blocked_until = clock_timestamp() WHERE key = $1

-- name: is_known
-- Whether the account has logged in from this address before.
SELECT EXISTS (
  SELECT FROM jobs.staff_addresses k JOIN jobs.staff_accounts a ON a.id = k.account_id
  WHERE a.name = $1 AND k.address = $2)
