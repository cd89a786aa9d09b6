-- name: server
-- What needs a whole backend, and nothing of a table. Whose connections they are only a superuser sees;
-- that they are there, everybody does.
SELECT current_setting('server_version') AS version, pg_is_in_recovery() AS in_recovery,
       current_setting('default_transaction_read_only')::boolean AS read_only,
       (SELECT sum(numbackends)::int FROM pg_stat_database) AS connections,
       current_setting('max_connections')::int AS connections_max

-- name: outside_call
-- What checkout noted of its last calls to one dependency outside.
SELECT last_success_at, last_failure_at, failures, error, latency_ms
FROM checkout.outside_health WHERE name = $1
