-- migrate:up

-- One row per job, from enqueue to its end. `queued` with a `run_at` ahead is a delayed job or one
-- that waits for its next try. The indexes of the hot path hold live rows only, so that claiming
-- costs the same beside ten million finished jobs.
CREATE TABLE jobs.jobs (
  id           uuid PRIMARY KEY DEFAULT uuidv7(),   -- ordered by time
  queue        text NOT NULL,
  actor        text NOT NULL CHECK (actor ~ '^[a-z_]+\.[a-z0-9_]+$'),
  args         jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(args) = 'array'),
  kwargs       jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(kwargs) = 'object'),
  options      jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(options) = 'object'),
  state        text NOT NULL DEFAULT 'queued'
               CHECK (state IN ('queued', 'running', 'done', 'dead', 'crashed', 'discarded')),
  priority     smallint NOT NULL DEFAULT 0,         -- lower runs first
  run_at       timestamptz NOT NULL DEFAULT now(),  -- not before
  unique_key   text,
  enqueued_at  timestamptz NOT NULL DEFAULT now(),
  request_id   text,                                -- of the request that asked for it
  traceparent  text,
  attempt      int NOT NULL DEFAULT 0,              -- how often it was claimed
  failures     int NOT NULL DEFAULT 0,              -- how often it raised
  crashes      int NOT NULL DEFAULT 0,              -- how often its worker went away with it
  worker_id    uuid,                                -- who has it, or had it last
  lease_token  uuid,                                -- of the last claim; null once it was taken back
  started_at   timestamptz,
  finished_at  timestamptz,
  CHECK ((state IN ('done', 'dead', 'crashed', 'discarded')) = (finished_at IS NOT NULL)),
  CHECK (state <> 'running' OR (worker_id IS NOT NULL AND lease_token IS NOT NULL))
) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000);
CREATE INDEX jobs_ready ON jobs.jobs (queue, priority, run_at, id) WHERE state = 'queued';
CREATE INDEX jobs_running ON jobs.jobs (worker_id) WHERE state = 'running';
-- A job that has begun is no longer merged with: it may have read what is about to change. And its
-- retry can never collide with the job that was queued meanwhile.
CREATE UNIQUE INDEX jobs_unique ON jobs.jobs (unique_key) WHERE state = 'queued' AND attempt = 0;

-- Every attempt, written once when it is over.
CREATE TABLE jobs.attempts (
  job_id        uuid NOT NULL REFERENCES jobs.jobs (id) ON DELETE CASCADE,
  number        int NOT NULL,
  worker_id     uuid NOT NULL,
  release       text,
  started_at    timestamptz NOT NULL,
  finished_at   timestamptz NOT NULL DEFAULT now(),
  outcome       text NOT NULL CHECK (outcome IN ('done', 'failed', 'released', 'crashed')),
  error_class   text,
  error_message text,
  traceback     text,
  PRIMARY KEY (job_id, number)
);

-- Queues come into being with their first job.
CREATE TABLE jobs.queues (
  backend text NOT NULL CHECK (backend IN ('durable', 'fast')),
  name    text NOT NULL,
  paused  boolean NOT NULL DEFAULT false,
  PRIMARY KEY (backend, name)
);
INSERT INTO jobs.queues (backend, name) VALUES ('durable', 'default'), ('fast', 'default');

-- One row per worker process. Its heartbeat is the lease of every job it holds: one row is written
-- however many those are, and it never meets a job's own row in a lock.
CREATE TABLE jobs.workers (
  id           uuid PRIMARY KEY,
  kind         text NOT NULL CHECK (kind IN ('durable', 'fast')),
  host         text NOT NULL,
  pid          int NOT NULL,
  release      text NOT NULL,
  queues       text[] NOT NULL,
  threads      int NOT NULL,
  started_at   timestamptz NOT NULL DEFAULT now(),
  seen_at      timestamptz NOT NULL DEFAULT now(),
  leased_until timestamptz NOT NULL,
  stopped_at   timestamptz,
  current_jobs jsonb NOT NULL DEFAULT '[]'
);

-- What the jobs service last saw in Redis. Null figures: it could not look.
CREATE TABLE jobs.queue_samples (
  backend        text NOT NULL,
  queue          text NOT NULL,
  depth          bigint,
  oldest_seconds double precision,
  running        bigint,
  sampled_at     timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (backend, queue)
);

-- Puts a job into the queue inside the caller's transaction, so that it commits or rolls back with
-- the caller's data. Fit to be called inside another statement. With a unique key it returns the
-- job that already waits under that key; that row is then locked until the caller commits, so the
-- job can't run before it sees the caller's data. The earlier of both times counts.
CREATE FUNCTION jobs.enqueue(
  actor text,
  args jsonb DEFAULT '[]',
  kwargs jsonb DEFAULT '{}',
  queue text DEFAULT 'default',
  run_at timestamptz DEFAULT NULL,
  unique_key text DEFAULT NULL,
  priority int DEFAULT 0,
  options jsonb DEFAULT '{}',
  request_id text DEFAULT NULL,
  traceparent text DEFAULT NULL
) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  job_id uuid;
  not_before timestamptz := coalesce(enqueue.run_at, now());
BEGIN
  IF NOT EXISTS (SELECT FROM jobs.queues q WHERE q.backend = 'durable' AND q.name = enqueue.queue) THEN
    INSERT INTO jobs.queues (backend, name) VALUES ('durable', enqueue.queue) ON CONFLICT DO NOTHING;
  END IF;
  INSERT INTO jobs.jobs AS j (queue, actor, args, kwargs, options, priority, run_at, unique_key, request_id, traceparent)
  VALUES (enqueue.queue, enqueue.actor, enqueue.args, enqueue.kwargs, enqueue.options, enqueue.priority,
          not_before, enqueue.unique_key, enqueue.request_id, enqueue.traceparent)
  ON CONFLICT (unique_key) WHERE state = 'queued' AND attempt = 0
  DO UPDATE SET run_at = least(j.run_at, excluded.run_at)
  RETURNING j.id INTO job_id;
  IF not_before <= now() THEN
    PERFORM pg_notify('jobs', enqueue.queue);  -- PostgreSQL sends equal ones of a transaction once
  END IF;
  RETURN job_id;
END $$;

-- The state of both backends, for /health and the metrics. `depth` is what could run now, counted
-- up to 100,000. Null figures mean: not known, because Redis or the sampler is away.
CREATE VIEW jobs.queue_health AS
WITH alive AS (
  SELECT w.kind, q.name AS queue, count(*) AS workers
  FROM jobs.workers w CROSS JOIN LATERAL unnest(w.queues) q (name)
  WHERE w.stopped_at IS NULL AND w.seen_at > now() - interval '30 seconds'
  GROUP BY w.kind, q.name
)
SELECT q.backend, q.name AS queue, q.paused,
       CASE q.backend WHEN 'durable' THEN ready.depth ELSE s.depth END AS depth,
       CASE q.backend WHEN 'durable' THEN ready.oldest_seconds ELSE s.oldest_seconds END AS oldest_seconds,
       CASE q.backend WHEN 'durable' THEN running.jobs ELSE s.running END AS running,
       coalesce(a.workers, 0) AS workers,
       CASE q.backend WHEN 'durable' THEN now() ELSE s.sampled_at END AS sampled_at
FROM jobs.queues q
LEFT JOIN alive a ON a.kind = q.backend AND a.queue = q.name
LEFT JOIN jobs.queue_samples s
       ON s.backend = q.backend AND s.queue = q.name AND s.sampled_at > now() - interval '30 seconds'
LEFT JOIN LATERAL (
  SELECT count(*) AS depth, coalesce(extract(epoch FROM now() - min(r.run_at)), 0)::float8 AS oldest_seconds
  FROM (SELECT j.run_at FROM jobs.jobs j
        WHERE j.state = 'queued' AND j.queue = q.name AND j.run_at <= now() LIMIT 100000) r
) ready ON q.backend = 'durable'
LEFT JOIN LATERAL (
  SELECT count(*) AS jobs FROM jobs.jobs j WHERE j.state = 'running' AND j.queue = q.name
) running ON q.backend = 'durable';

REVOKE ALL ON FUNCTION jobs.enqueue FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jobs.enqueue TO kiosk_catalog, kiosk_checkout, kiosk_jobs;
GRANT SELECT ON jobs.queue_health TO kiosk_health;

-- migrate:down
