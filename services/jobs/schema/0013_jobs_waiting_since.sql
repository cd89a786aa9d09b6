-- migrate:up

-- When a job last came back to wait (after an attempt, from a worker that let go of it), was blocked or
-- unblocked; null: it has waited since it was enqueued. A bulk action leaves alone what came after its order,
-- and neither `enqueued_at` nor `run_at` tells that of a job that ran meanwhile.
ALTER TABLE jobs.jobs ADD COLUMN waiting_since timestamptz;

-- As before; and tells since when the job that is let in waits to run.
CREATE OR REPLACE FUNCTION jobs.free_slot() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  woken text;
BEGIN
  UPDATE jobs.jobs SET state = 'queued', waiting_since = now() WHERE id = (
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

-- migrate:down
