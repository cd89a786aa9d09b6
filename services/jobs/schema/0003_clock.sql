-- migrate:up

-- The one place where the clock of the recurring tasks, and whoever judges it, reads the time. It is
-- the database's, so that workers whose clocks differ agree on what is due.
CREATE FUNCTION jobs.clock_now() RETURNS timestamptz LANGUAGE sql STABLE AS 'SELECT now()';
REVOKE ALL ON FUNCTION jobs.clock_now FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jobs.clock_now TO kiosk_jobs, kiosk_health;

-- How far each recurring task has come. The tasks themselves are declared in the code; a row comes into
-- being when a clock first sees its task, and goes when no clock has known it for an hour.
CREATE TABLE jobs.recurring_tasks (
  name          text PRIMARY KEY,
  checked_until timestamptz NOT NULL,   -- every due time up to this one has been seen to
  next_run_at   timestamptz NOT NULL,   -- the first due time after it
  paused_at     timestamptz,
  last_run_at   timestamptz,
  last_job_id   uuid
);

-- One row per run, so that two clocks never start one twice. The job may be purged before its run is.
CREATE TABLE jobs.recurring_runs (
  task    text NOT NULL,
  run_at  timestamptz NOT NULL,         -- when it was due, or asked for
  by_hand boolean NOT NULL DEFAULT false,
  job_id  uuid,
  PRIMARY KEY (task, run_at)
);

-- For /health. A task that other clocks have left behind is no longer in the code, so it can't be overdue.
CREATE VIEW jobs.recurring_health AS
SELECT t.name, t.next_run_at, t.paused_at IS NOT NULL AS paused,
       greatest(0, extract(epoch FROM jobs.clock_now() - t.next_run_at))::float8 AS overdue_seconds
FROM jobs.recurring_tasks t
WHERE t.checked_until > (SELECT max(l.checked_until) FROM jobs.recurring_tasks l) - interval '1 minute';
GRANT SELECT ON jobs.recurring_health TO kiosk_health;

-- What workers counted: attempts that ended within one interval. Every count is kept at three
-- resolutions, so that an hour, a day and a week are read from about as many rows. Histograms: see
-- services/jobs/statistics/histogram.py; zeros at their end are left out.
CREATE TABLE jobs.statistics (
  resolution_seconds int NOT NULL CHECK (resolution_seconds IN (60, 600, 3600)),
  at        timestamptz NOT NULL,       -- where the interval begins
  backend   text NOT NULL,
  queue     text NOT NULL,
  actor     text NOT NULL,
  done      bigint NOT NULL DEFAULT 0,
  retry     bigint NOT NULL DEFAULT 0,  -- failed, and will be tried again
  dead      bigint NOT NULL DEFAULT 0,  -- failed for good
  crashed   bigint NOT NULL DEFAULT 0,  -- the worker went away with it
  release   bigint NOT NULL DEFAULT 0,  -- handed back by a stopping worker
  durations int[] NOT NULL DEFAULT '{}',
  waits     int[] NOT NULL DEFAULT '{}',
  PRIMARY KEY (resolution_seconds, at, backend, queue, actor)
) WITH (autovacuum_vacuum_scale_factor = 0.05);

-- Bucket by bucket; the shorter one counts as filled up with zeros.
CREATE FUNCTION jobs.histogram_add(one int[], other int[]) RETURNS int[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT coalesce(array_agg(coalesce(a, 0) + coalesce(b, 0) ORDER BY bucket), '{}')
  FROM unnest(one, other) WITH ORDINALITY AS u (a, b, bucket)
$$;
CREATE AGGREGATE jobs.histogram_sum(int[]) (SFUNC = jobs.histogram_add, STYPE = int[], INITCOND = '{}');

-- migrate:down
