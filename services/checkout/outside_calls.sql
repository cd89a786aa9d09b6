-- name: record
-- How the last calls went: $2 what failed last (null: it succeeded), $3 failures since the last note.
UPDATE checkout.outside_calls SET
  succeeded_at = CASE WHEN $2::text IS NULL THEN now() ELSE succeeded_at END,
  failed_at = CASE WHEN $2::text IS NULL THEN failed_at ELSE now() END,
  failures = CASE WHEN $2::text IS NULL THEN 0 ELSE failures + $3::int END,
  error = coalesce($2::text, error),
  latency_ms = $4::double precision
WHERE name = $1
