-- name: claim
-- Takes the key, or nothing. A twin of this request waits here until the first one has ended. Claims are
-- swept a few at a time by those that follow, a day later.
WITH swept AS (
  DELETE FROM jobs.idempotency_keys WHERE (caller, key) IN (
    SELECT caller, key FROM jobs.idempotency_keys
    WHERE created_at < now() - interval '1 day'
    ORDER BY created_at LIMIT 10 FOR UPDATE SKIP LOCKED
  )
)
INSERT INTO jobs.idempotency_keys (caller, key, fingerprint, result) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING
RETURNING result

-- name: claimed
-- Who had the key before.
SELECT fingerprint, result FROM jobs.idempotency_keys WHERE caller = $1 AND key = $2
