-- name: token_by_hash
-- Who it is, if the token is still good. Its last use is noted at most once a minute.
WITH found AS (
  SELECT id, name, role, used_at FROM jobs.staff_tokens
  WHERE token_hash = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
), used AS (
  UPDATE jobs.staff_tokens t SET used_at = now() FROM found
  WHERE t.id = found.id AND (found.used_at IS NULL OR found.used_at < now() - interval '1 minute')
)
SELECT name, role FROM found

-- name: create_token
-- Only the hash is kept; $5 days until it ends, null for never.
INSERT INTO jobs.staff_tokens (name, role, token_hash, created_by, expires_at)
VALUES ($1, $2, $3, $4, now() + make_interval(days => $5))
RETURNING id

-- name: all_tokens
-- The good ones first, then the newest.
SELECT id, name, role, created_at, created_by, used_at, expires_at, revoked_at,
       revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now()) AS good
FROM jobs.staff_tokens ORDER BY good DESC, id DESC LIMIT 500

-- name: revoke_token
-- The token's name; null when there is none or it is revoked already.
UPDATE jobs.staff_tokens SET revoked_at = now() WHERE id = $1 AND revoked_at IS NULL RETURNING name

-- name: revoke_tokens_by
-- Those that an account has made: whoever made a token knows it.
UPDATE jobs.staff_tokens SET revoked_at = now() WHERE created_by = $1 AND revoked_at IS NULL RETURNING name
