-- migrate:up

-- One row per bulk action: the order as it was frozen, and how far it is. A durable job works it off; the
-- row is what it goes on from when its worker dies.
CREATE TABLE jobs.bulk_actions (
  id          uuid PRIMARY KEY,
  backend     text NOT NULL CHECK (backend IN ('durable', 'fast')),
  verb        text NOT NULL CHECK (verb IN ('retry', 'discard')),
  wanted      jsonb NOT NULL CHECK (jsonb_typeof(wanted) = 'object'),
  before      timestamptz NOT NULL,           -- jobs that came into their state later do not count
  rate        int CHECK (rate > 0),           -- jobs per second at most
  state       text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'running', 'done', 'cancelled', 'failed')),
  expected    bigint NOT NULL,                -- counted at the start, up to 100,000
  seen        bigint NOT NULL DEFAULT 0,
  changed     bigint NOT NULL DEFAULT 0,
  cursor      text,                           -- where the next batch begins
  failures    int NOT NULL DEFAULT 0,         -- in a row
  error       text,                           -- of the last failure; null again after a batch
  by          text NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT now(),
  started_at  timestamptz,
  finished_at timestamptz,
  CHECK ((state IN ('done', 'cancelled', 'failed')) = (finished_at IS NOT NULL))
);
CREATE INDEX bulk_actions_newest ON jobs.bulk_actions (created_at DESC, id DESC);
-- The same order is at work once only.
CREATE UNIQUE INDEX bulk_actions_at_work ON jobs.bulk_actions (backend, verb, md5(wanted::text))
  WHERE state IN ('waiting', 'running');

-- Requests that count once, as checkout has them.
CREATE TABLE jobs.idempotency_keys (
  caller      text NOT NULL,
  key         text NOT NULL,
  fingerprint text NOT NULL,
  result      text NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (caller, key)
);
CREATE INDEX idempotency_keys_age ON jobs.idempotency_keys (created_at);

-- migrate:down
