-- name: any_account
-- Whether the dashboard is open at all.
SELECT EXISTS (SELECT FROM jobs.staff_accounts)

-- name: account_to_verify
-- What a login is measured by.
SELECT id, name, role, password_hash, disabled_at IS NOT NULL AS disabled FROM jobs.staff_accounts WHERE name = $1

-- name: all_accounts
-- Everybody, with how many sessions each has open.
SELECT a.id, a.name, a.role, a.created_at, a.created_by, a.password_set_at, a.logged_in_at, a.disabled_at,
       (SELECT count(*) FROM jobs.staff_sessions s
        WHERE s.account_id = a.id AND s.created_at > now() - $1::interval AND s.seen_at > now() - $2::interval) AS sessions
FROM jobs.staff_accounts a ORDER BY a.disabled_at IS NOT NULL, a.name LIMIT 500

-- name: lock_admins
-- All that can manage staff, in one order: so that two of them can't disable each other at once.
SELECT id FROM jobs.staff_accounts WHERE role = 'admin' AND disabled_at IS NULL ORDER BY id FOR NO KEY UPDATE

-- name: lock_account
-- An account that is about to change; whoever else changes it waits.
SELECT id, name, role, disabled_at IS NOT NULL AS disabled FROM jobs.staff_accounts WHERE name = $1 FOR NO KEY UPDATE

-- name: create_account
-- Null when the name is taken.
INSERT INTO jobs.staff_accounts (name, role, password_hash, created_by) VALUES ($1, $2, $3, $4)
ON CONFLICT (name) DO NOTHING RETURNING id

-- name: create_first_account
-- Two replicas may start at once: the name is unique, so one of them makes it.
INSERT INTO jobs.staff_accounts (name, role, password_hash, created_by)
SELECT $1, 'admin', $2, $3 WHERE NOT EXISTS (SELECT FROM jobs.staff_accounts)
ON CONFLICT (name) DO NOTHING RETURNING id

-- name: set_password
-- The new hash; sessions of the old one are ended by the caller.
UPDATE jobs.staff_accounts SET password_hash = $2, password_set_at = now() WHERE id = $1

-- name: change_password
-- Only if the hash that was verified is still there.
UPDATE jobs.staff_accounts SET password_hash = $3, password_set_at = now()
WHERE id = $1 AND password_hash = $2 AND disabled_at IS NULL RETURNING id

-- name: set_role
-- Viewer, operator or admin.
UPDATE jobs.staff_accounts SET role = $2 WHERE id = $1

-- name: disable
-- $2: disabled, or let in again.
UPDATE jobs.staff_accounts SET disabled_at = CASE WHEN $2 THEN now() END WHERE id = $1
