-- name: claim
-- Takes the key, or nothing. A twin of this request waits here until the first one has ended.
INSERT INTO checkout.idempotency_keys (scope, key, fingerprint, result_id) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING
RETURNING result_id

-- name: claimed
-- Who had the key before.
SELECT fingerprint, result_id FROM checkout.idempotency_keys WHERE scope = $1 AND key = $2
