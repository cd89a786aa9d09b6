-- name: beat
-- The worker is alive, and so are the leases of the jobs it holds.
INSERT INTO jobs.workers (id, kind, host, pid, release, queues, threads, leased_until, current_jobs)
VALUES ($1, $2, $3, $4, $5, $6, $7, now() + $8 * interval '1 second', $9::jsonb)
ON CONFLICT (id) DO UPDATE SET
  seen_at = now(), leased_until = excluded.leased_until, current_jobs = excluded.current_jobs, stopped_at = NULL

-- name: leave
-- The worker has stopped in good order.
UPDATE jobs.workers SET stopped_at = now(), leased_until = now(), seen_at = now(), current_jobs = '[]' WHERE id = $1

-- name: forget_workers
-- Workers not heard of for a week; until then attempts can name them.
DELETE FROM jobs.workers WHERE seen_at < now() - interval '7 days'
