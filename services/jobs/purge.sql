-- name: purge_jobs
-- Deletes up to $3 jobs in the state $1 that ended more than $2 seconds ago, but not before $4, oldest first,
-- and by the foreign key their attempts; returns how many, and when the last of them ended. Jobs in somebody's
-- hands are passed over. $4 spares a look at what the batches before deleted.
WITH old AS MATERIALIZED (
  SELECT id FROM jobs.jobs
  WHERE state = $1 AND finished_at < now() - $2 * interval '1 second' AND finished_at >= $4
  ORDER BY finished_at
  LIMIT $3
  FOR UPDATE SKIP LOCKED
), purged AS (
  DELETE FROM jobs.jobs j USING old WHERE j.id = old.id RETURNING j.finished_at
)
SELECT count(*) AS deleted, max(finished_at) AS until FROM purged

-- name: purge_runs
-- Deletes up to $1 runs of recurring tasks that were due more than 30 days ago; returns how many.
WITH purged AS (
  DELETE FROM jobs.recurring_runs r
  USING (SELECT task, run_at FROM jobs.recurring_runs WHERE run_at < now() - interval '30 days' LIMIT $1) old
  WHERE r.task = old.task AND r.run_at = old.run_at
  RETURNING r.task
)
SELECT count(*) FROM purged

-- name: purge_statistics
-- Deletes up to $1 rows of statistics that are older than their resolution is kept; returns how many.
WITH purged AS (
  DELETE FROM jobs.statistics s
  USING (
    SELECT old.*
    FROM (VALUES (60, interval '3 hours'), (600, interval '3 days'), (3600, interval '90 days')) k (seconds, kept)
    CROSS JOIN LATERAL (
      SELECT resolution_seconds, at, backend, queue, actor FROM jobs.statistics
      WHERE resolution_seconds = k.seconds AND at < now() - k.kept
    ) old
    LIMIT $1
  ) o
  WHERE (s.resolution_seconds, s.at, s.backend, s.queue, s.actor)
      = (o.resolution_seconds, o.at, o.backend, o.queue, o.actor)
  RETURNING s.at
)
SELECT count(*) FROM purged
