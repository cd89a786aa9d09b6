-- name: queue_health
-- What the jobs service publishes about the queues of backend $1, each row with the recurring tasks that
-- the clock of the durable workers is late with: overdue by more than $2 seconds, and not paused.
SELECT q.queue, q.paused, q.depth, q.oldest_seconds, q.workers, late.tasks AS overdue
FROM jobs.queue_health q
CROSS JOIN (
  SELECT coalesce(array_agg(r.name ORDER BY r.name), '{}') AS tasks
  FROM jobs.recurring_health r
  WHERE $1 = 'durable' AND NOT r.paused AND r.overdue_seconds > $2
) late
WHERE q.backend = $1
