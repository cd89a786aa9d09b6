-- name: enqueue
-- One durable job, on the caller's connection.
SELECT jobs.enqueue($1, $2::jsonb, queue => $3, run_at => $4, unique_key => $5, priority => $6,
                    request_id => $7, traceparent => $8)
