-- name: groups
-- One page of groups before ($1, $2), the latest first. $3 how many, $4 up to what their jobs are counted.
SELECT g.fingerprint, g.backend, g.actor, g.error_class, g.frame, g.message, g.first_seen, g.last_seen,
       g.occurrences, g.first_release, g.last_release, waiting.jobs
FROM (
  SELECT * FROM jobs.failure_groups
  WHERE (last_seen, fingerprint) < ($1::timestamptz, $2::text)
  ORDER BY last_seen DESC, fingerprint DESC LIMIT $3
) g
LEFT JOIN LATERAL (
  SELECT count(*) AS jobs FROM (
    SELECT FROM jobs.jobs j
    WHERE j.state IN ('dead', 'crashed', 'discarded') AND j.fingerprint = g.fingerprint AND j.state <> 'discarded'
    LIMIT $4
  ) j
) waiting ON g.backend = 'durable'
ORDER BY g.last_seen DESC, g.fingerprint DESC

-- name: group
-- One group. $2 up to what its jobs are counted.
SELECT g.fingerprint, g.backend, g.actor, g.error_class, g.frame, g.message, g.first_seen, g.last_seen,
       g.occurrences, g.first_release, g.last_release, waiting.jobs
FROM jobs.failure_groups g
LEFT JOIN LATERAL (
  SELECT count(*) AS jobs FROM (
    SELECT FROM jobs.jobs j
    WHERE j.state IN ('dead', 'crashed', 'discarded') AND j.fingerprint = g.fingerprint AND j.state <> 'discarded'
    LIMIT $2
  ) j
) waiting ON g.backend = 'durable'
WHERE g.fingerprint = $1

-- name: note_failure
-- Failures enter their groups: one row for each, in one order for all who write.
-- $6 backend, $7 the release that failed.
INSERT INTO jobs.failure_groups AS g
  (fingerprint, backend, actor, error_class, frame, message, occurrences, first_release, last_release)
SELECT fingerprint, $6, max(actor), max(error_class), max(frame), left(max(message), 300), count(*), $7, $7
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
  AS failed (fingerprint, actor, error_class, frame, message)
GROUP BY fingerprint ORDER BY fingerprint
ON CONFLICT (fingerprint) DO UPDATE SET
  last_seen = excluded.last_seen, occurrences = g.occurrences + excluded.occurrences, actor = excluded.actor,
  message = excluded.message, last_release = excluded.last_release
