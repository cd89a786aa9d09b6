-- name: add
-- Adds what a worker counted to every resolution. In the order of the key, so that two workers that add to
-- the same rows wait for each other in turn.
INSERT INTO jobs.statistics AS s
  (resolution_seconds, at, backend, queue, actor, done, retry, dead, crashed, release, durations, waits)
SELECT r.seconds, date_bin(r.seconds * interval '1 second', to_timestamp(c.at), to_timestamp(0)) AS bin,
       c.backend, c.queue, c.actor, sum(c.done), sum(c.retry), sum(c.dead), sum(c.crashed), sum(c.release),
       jobs.histogram_sum(c.durations), jobs.histogram_sum(c.waits)
FROM jsonb_to_recordset($1::jsonb) AS c
       (at bigint, backend text, queue text, actor text, done bigint, retry bigint, dead bigint,
        crashed bigint, release bigint, durations int[], waits int[])
CROSS JOIN (VALUES (60), (600), (3600)) AS r (seconds)
GROUP BY r.seconds, bin, c.backend, c.queue, c.actor
ORDER BY r.seconds, bin, c.backend, c.queue, c.actor
ON CONFLICT (resolution_seconds, at, backend, queue, actor) DO UPDATE SET
  done = s.done + excluded.done,
  retry = s.retry + excluded.retry,
  dead = s.dead + excluded.dead,
  crashed = s.crashed + excluded.crashed,
  release = s.release + excluded.release,
  durations = jobs.histogram_add(s.durations, excluded.durations),
  waits = jobs.histogram_add(s.waits, excluded.waits)
