-- name: server_version
-- The cheapest question that needs a whole backend.
SELECT current_setting('server_version') AS version, pg_is_in_recovery() AS in_recovery

-- name: queue_health
-- What the jobs service publishes about both backends.
SELECT * FROM jobs.queue_health
