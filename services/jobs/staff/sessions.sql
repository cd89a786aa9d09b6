-- name: begin_session
-- Only if the password that was verified is still the account's: it may have been changed, or the account
-- disabled, since. Whoever is doing that waits for this row, and ends this session too. The address is
-- known from now on.
WITH account AS (
  UPDATE jobs.staff_accounts SET logged_in_at = now(), password_hash = coalesce($3::text, password_hash)
  WHERE id = $1 AND password_hash = $2 AND disabled_at IS NULL
  RETURNING id
), known AS (
  INSERT INTO jobs.staff_addresses (account_id, address) SELECT id, $5::text FROM account WHERE $5::text IS NOT NULL
  ON CONFLICT (account_id, address) DO UPDATE SET seen_at = now()
)
INSERT INTO jobs.staff_sessions (token_hash, account_id, address)
SELECT $4, account.id, $5::text FROM account
RETURNING account_id

-- name: session_by_token
-- Who it is, if the session is still good. Its last use is noted at most once a minute.
WITH found AS (
  SELECT s.token_hash, s.seen_at, a.id, a.name, a.role
  FROM jobs.staff_sessions s JOIN jobs.staff_accounts a ON a.id = s.account_id
  WHERE s.token_hash = $1 AND s.created_at > now() - $2::interval AND s.seen_at > now() - $3::interval
    AND a.disabled_at IS NULL
), seen AS (
  UPDATE jobs.staff_sessions s SET seen_at = now() FROM found
  WHERE s.token_hash = found.token_hash AND found.seen_at < now() - interval '1 minute'
)
SELECT id, name, role FROM found

-- name: end_session
-- Logged out: the token opens nothing any more.
DELETE FROM jobs.staff_sessions WHERE token_hash = $1

-- name: end_sessions_of
-- All of an account's, but for the one that is named.
DELETE FROM jobs.staff_sessions WHERE account_id = $1 AND token_hash IS DISTINCT FROM $2
