-- name: record
-- One line of what somebody did; nobody can change it afterwards.
INSERT INTO jobs.audit_log (who, role, by, action, target, details, address, request_id)
VALUES ($1, $2, $3, $4, $5, $6::text::jsonb, $7, $8)

-- name: entries
-- Newest first, before the cursor. Only the conditions asked for are in it, so that each finds its index.
SELECT id, at, who, role, by, action, target, details::text AS details, address, request_id
FROM jobs.audit_log
WHERE id < $1{conditions}
ORDER BY id DESC LIMIT $2
