-- name: forget
-- Up to $1 each of: sessions older than $2 or idle for $3, counters of guesses nobody has used for a day,
-- addresses nobody came from for 90 days, keys of requests that counted a day ago. Returns the largest number.
WITH sessions AS (
  DELETE FROM jobs.staff_sessions WHERE token_hash IN (
    SELECT token_hash FROM jobs.staff_sessions
    WHERE created_at < now() - $2::interval OR seen_at < now() - $3::interval
    LIMIT $1 FOR UPDATE SKIP LOCKED)
  RETURNING 1
), tries AS (
  DELETE FROM jobs.staff_tries WHERE key IN (
    SELECT key FROM jobs.staff_tries
    WHERE tried_at < now() - interval '1 day' LIMIT $1 FOR UPDATE SKIP LOCKED)
  RETURNING 1
), addresses AS (
  DELETE FROM jobs.staff_addresses WHERE (account_id, address) IN (
    SELECT account_id, address FROM jobs.staff_addresses
    WHERE seen_at < now() - interval '90 days' LIMIT $1 FOR UPDATE SKIP LOCKED)
  RETURNING 1
), keys AS (
  DELETE FROM jobs.idempotency_keys WHERE (caller, key) IN (
    SELECT caller, key FROM jobs.idempotency_keys
    WHERE created_at < now() - interval '1 day' LIMIT $1 FOR UPDATE SKIP LOCKED)
  RETURNING 1
)
SELECT greatest((SELECT count(*) FROM sessions), (SELECT count(*) FROM tries),
                (SELECT count(*) FROM addresses), (SELECT count(*) FROM keys))
