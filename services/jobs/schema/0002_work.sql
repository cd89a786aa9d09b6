-- migrate:up

-- At most `concurrency_max` jobs of one `concurrency_key` run at a time: each that runs has a slot from 1 to
-- that number, and a unique index of (key, slot) makes one too many impossible. Jobs that found no slot are
-- `blocked`, out of the way of those that could run. A job's last failure is kept beside it, for the lists.
ALTER TABLE jobs.jobs
  ADD COLUMN concurrency_key  text,
  ADD COLUMN concurrency_max  int NOT NULL DEFAULT 1,
  ADD COLUMN concurrency_slot int,               -- of the last claim
  ADD COLUMN error_class      text,
  ADD COLUMN error_message    text,              -- the beginning; attempts have it all
  ADD COLUMN fingerprint      text,              -- of the failure's group
  DROP CONSTRAINT jobs_state_check,
  -- Every row that was there has one of the states before, so there is nothing to validate.
  ADD CONSTRAINT jobs_state_known CHECK
    (state IN ('queued', 'blocked', 'running', 'done', 'dead', 'crashed', 'discarded')) NOT VALID,
  ADD CONSTRAINT jobs_slot_within CHECK (
    concurrency_key IS NULL
    OR concurrency_max BETWEEN 1 AND 1000
    AND (state <> 'running' OR concurrency_slot IS NOT NULL AND concurrency_slot BETWEEN 1 AND concurrency_max)
  ) NOT VALID,
  ADD CONSTRAINT jobs_blocked_by CHECK (state <> 'blocked' OR concurrency_key IS NOT NULL) NOT VALID;

-- Gives a job that is claimed the first free slot of its key. Without one it is not claimed: the row stays
-- as it was. While another claim of the key is under way nobody can tell, so the job waits for its turn.
-- A trigger, so that it binds whoever claims: the release before knows nothing of slots.
CREATE FUNCTION jobs.take_slot() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF NOT pg_try_advisory_xact_lock(x'6b10'::int, hashtext(NEW.concurrency_key)) THEN
    RETURN NULL;
  END IF;
  SELECT slot INTO NEW.concurrency_slot
  FROM generate_series(1, NEW.concurrency_max) slot
  WHERE NOT EXISTS (SELECT FROM jobs.jobs j WHERE j.state = 'running'
                    AND j.concurrency_key = NEW.concurrency_key AND j.concurrency_slot = slot)
  ORDER BY slot LIMIT 1;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER take_slot BEFORE UPDATE OF state ON jobs.jobs FOR EACH ROW
WHEN (NEW.state = 'running' AND OLD.state <> 'running' AND NEW.concurrency_key IS NOT NULL)
EXECUTE FUNCTION jobs.take_slot();

-- However a job stops running, the most urgent one that is blocked by its key may have the slot.
CREATE FUNCTION jobs.free_slot() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  woken text;
BEGIN
  UPDATE jobs.jobs SET state = 'queued' WHERE id = (
    SELECT j.id FROM jobs.jobs j
    WHERE j.state = 'blocked' AND j.concurrency_key = OLD.concurrency_key
    ORDER BY j.priority, j.run_at, j.id LIMIT 1
    FOR UPDATE SKIP LOCKED
  ) RETURNING queue INTO woken;
  IF FOUND THEN
    PERFORM pg_notify('jobs', woken);
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER free_slot AFTER UPDATE OF state ON jobs.jobs FOR EACH ROW
WHEN (OLD.state = 'running' AND NEW.state <> 'running' AND OLD.concurrency_key IS NOT NULL)
EXECUTE FUNCTION jobs.free_slot();

-- Failures that are one and the same: the error's class, raised at the same place of our code. `actor` and
-- `message` are those of the latest. Written by both backends.
CREATE TABLE jobs.failure_groups (
  fingerprint   text PRIMARY KEY,
  backend       text NOT NULL CHECK (backend IN ('durable', 'fast')),
  actor         text NOT NULL,
  error_class   text NOT NULL,
  frame         text NOT NULL,
  message       text NOT NULL,
  first_seen    timestamptz NOT NULL DEFAULT now(),
  last_seen     timestamptz NOT NULL DEFAULT now(),
  occurrences   bigint NOT NULL DEFAULT 1,
  first_release text NOT NULL,
  last_release  text NOT NULL
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000);
CREATE INDEX failure_groups_by_time ON jobs.failure_groups (last_seen, fingerprint);

-- What stands for a group wherever it is named.
CREATE FUNCTION jobs.fingerprint(backend text, error_class text, frame text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
RETURN left(encode(sha256(convert_to(concat_ws(E'\n', backend, error_class, frame), 'UTF8')), 'hex'), 16);

-- Many jobs in one round trip, inside the caller's transaction. `backlog` is an array of objects with the
-- parameters of jobs.enqueue(), and `concurrency_key` and `concurrency_max` besides; only `actor` is a must.
-- Returns the ids in the same order; with a unique key, that of the job that waits under it already.
CREATE FUNCTION jobs.enqueue_many(backlog jsonb, request_id text DEFAULT NULL, traceparent text DEFAULT NULL)
RETURNS uuid[]
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  ids uuid[];
  one record;
  job_id uuid;
  ready text[];
BEGIN
  WITH new AS MATERIALIZED (
    SELECT uuidv7() AS id, coalesce(n.queue, 'default') AS queue, coalesce(n.run_at, now()) AS run_at, n.actor, n.args,
           n.kwargs, n.options, n.priority, n.unique_key, n.concurrency_key, n.concurrency_max, n.place
    FROM ROWS FROM (jsonb_to_recordset(backlog) AS (
      actor text, args jsonb, kwargs jsonb, queue text, run_at timestamptz, unique_key text, priority smallint,
      options jsonb, concurrency_key text, concurrency_max int
    )) WITH ORDINALITY AS n (actor, args, kwargs, queue, run_at, unique_key, priority,
                             options, concurrency_key, concurrency_max, place)
  ), stored AS (
    INSERT INTO jobs.jobs (id, queue, actor, args, kwargs, options, priority, run_at, concurrency_key,
                           concurrency_max, request_id, traceparent)
    SELECT id, queue, actor, coalesce(args, '[]'), coalesce(kwargs, '{}'), coalesce(options, '{}'),
           coalesce(priority, 0), run_at, concurrency_key, coalesce(concurrency_max, 1),
           enqueue_many.request_id, enqueue_many.traceparent
    FROM new WHERE unique_key IS NULL
  ), queues AS (
    INSERT INTO jobs.queues (backend, name)
    SELECT DISTINCT 'durable', n.queue FROM new n
    WHERE NOT EXISTS (SELECT FROM jobs.queues q WHERE q.backend = 'durable' AND q.name = n.queue)
    ORDER BY 2 ON CONFLICT DO NOTHING
  )
  SELECT array_agg(id ORDER BY place), array_agg(DISTINCT queue) FILTER (WHERE run_at <= now())
  INTO ids, ready FROM new;

  -- One by one, as a key may come twice; in the keys' order, lest two callers wait for each other.
  FOR one IN
    SELECT coalesce(n.queue, 'default') AS queue, n.place, n.actor, n.args, n.kwargs, n.options, n.priority,
           coalesce(n.run_at, now()) AS run_at, n.unique_key, n.concurrency_key, n.concurrency_max
    FROM ROWS FROM (jsonb_to_recordset(backlog) AS (
      actor text, args jsonb, kwargs jsonb, queue text, run_at timestamptz, unique_key text, priority smallint,
      options jsonb, concurrency_key text, concurrency_max int
    )) WITH ORDINALITY AS n (actor, args, kwargs, queue, run_at, unique_key, priority,
                             options, concurrency_key, concurrency_max, place)
    WHERE n.unique_key IS NOT NULL
    ORDER BY n.unique_key, n.place
  LOOP
    INSERT INTO jobs.jobs AS j (id, queue, actor, args, kwargs, options, priority, run_at, unique_key,
                                concurrency_key, concurrency_max, request_id, traceparent)
    VALUES (ids[one.place], one.queue, one.actor, coalesce(one.args, '[]'), coalesce(one.kwargs, '{}'),
            coalesce(one.options, '{}'), coalesce(one.priority, 0), one.run_at, one.unique_key,
            one.concurrency_key, coalesce(one.concurrency_max, 1), enqueue_many.request_id, enqueue_many.traceparent)
    ON CONFLICT (unique_key) WHERE state = 'queued' AND attempt = 0
    DO UPDATE SET run_at = least(j.run_at, excluded.run_at)
    RETURNING j.id INTO job_id;
    ids[one.place] := job_id;
  END LOOP;

  PERFORM pg_notify('jobs', queue) FROM unnest(ready) queue;
  RETURN coalesce(ids, '{}');
END $$;

REVOKE ALL ON FUNCTION jobs.enqueue_many, jobs.fingerprint FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jobs.enqueue_many TO kiosk_catalog, kiosk_checkout, kiosk_jobs;
GRANT EXECUTE ON FUNCTION jobs.fingerprint TO kiosk_jobs;

-- migrate:down
