-- name: enqueue
-- One durable job, on the caller's connection.
SELECT jobs.enqueue($1, $2::jsonb, queue => $3, run_at => $4, unique_key => $5, priority => $6,
                    request_id => $7, traceparent => $8)

-- name: enqueue_limited
-- As `enqueue`, with a key ($9) of which at most $10 jobs run at a time.
SELECT (jobs.enqueue_many(jsonb_build_array(jsonb_build_object(
  'actor', $1::text, 'args', $2::jsonb, 'queue', $3::text, 'run_at', $4::timestamptz, 'unique_key', $5::text,
  'priority', $6::int, 'concurrency_key', $9::text, 'concurrency_max', $10::int
)), request_id => $7, traceparent => $8))[1]
