-- name: bulk_at_work
-- How far the bulk actions are that have not ended.
SELECT id::text, seen, changed FROM jobs.bulk_actions WHERE state IN ('waiting', 'running')
ORDER BY created_at DESC LIMIT 50
