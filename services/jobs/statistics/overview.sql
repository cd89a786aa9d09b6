-- name: overview
-- The last $2 intervals of $1 seconds, the present one included: counts and histograms per interval that
-- has any (`actor` is null then) and per backend and actor. $3 backend, $4 actor; null: all of them.
-- overview.py writes the sums of all buckets for SUMS_OF(...): several times as quick as taking the arrays
-- apart. A bucket nobody counted in is null.
WITH span AS (
  SELECT date_bin($1 * interval '1 second', now(), to_timestamp(0)) AS until
), totals AS (
  SELECT s.at, s.backend, s.actor, sum(s.done)::bigint AS done, sum(s.retry + s.dead + s.crashed)::bigint AS failed,
         SUMS_OF(s.durations) AS durations, SUMS_OF(s.waits) AS waits
  FROM span JOIN jobs.statistics s
    ON s.resolution_seconds = $1 AND s.at > span.until - $1 * $2 * interval '1 second' AND s.at <= span.until
  WHERE ($3::text IS NULL OR s.backend = $3) AND ($4::text IS NULL OR s.actor = $4)
  GROUP BY GROUPING SETS ((s.at), (s.backend, s.actor))
)
SELECT span.until, t.at, t.backend, t.actor, t.done, t.failed, t.durations, t.waits
FROM span LEFT JOIN totals t ON true
ORDER BY t.at, t.done + t.failed DESC, t.backend, t.actor
