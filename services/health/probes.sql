-- name: server_version
-- The cheapest question that needs a whole backend.
SELECT current_setting('server_version') AS version, pg_is_in_recovery() AS in_recovery

-- name: outside_call
-- What checkout noted of its last calls to one dependency outside.
SELECT last_success_at, last_failure_at, failures, error, latency_ms
FROM checkout.outside_health WHERE name = $1
