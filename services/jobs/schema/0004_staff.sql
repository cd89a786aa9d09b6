-- migrate:up

-- Who may log in. Accounts are disabled, never deleted: the audit log names them.
CREATE TABLE jobs.staff_accounts (
  id              uuid PRIMARY KEY DEFAULT uuidv7(),
  name            text NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 64),
  password_hash   text NOT NULL CHECK (password_hash LIKE '$argon2id$%'),
  role            text NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
  created_at      timestamptz NOT NULL DEFAULT now(),
  created_by      text NOT NULL,
  password_set_at timestamptz NOT NULL DEFAULT now(),
  logged_in_at    timestamptz,
  disabled_at     timestamptz
);

-- A browser that has logged in. Only its token's SHA-256 is kept: who reads this table can't use it.
-- Ending a session is deleting its row.
CREATE TABLE jobs.staff_sessions (
  token_hash bytea PRIMARY KEY CHECK (length(token_hash) = 32),
  account_id uuid NOT NULL REFERENCES jobs.staff_accounts (id) ON DELETE CASCADE,
  created_at timestamptz NOT NULL DEFAULT now(),
  seen_at    timestamptz NOT NULL DEFAULT now(),
  address    text
);
CREATE INDEX staff_sessions_account ON jobs.staff_sessions (account_id);

-- What programs show to the API. The token's SHA-256 again.
CREATE TABLE jobs.staff_tokens (
  id         uuid PRIMARY KEY DEFAULT uuidv7(),
  name       text NOT NULL CHECK (length(name) BETWEEN 1 AND 64),
  role       text NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
  token_hash bytea NOT NULL UNIQUE CHECK (length(token_hash) = 32),
  created_at timestamptz NOT NULL DEFAULT now(),
  created_by text NOT NULL,
  used_at    timestamptz,
  expires_at timestamptz,
  revoked_at timestamptz
);

-- Guesses at passwords, counted by what they have in common: an address, a name, or both. The key is a
-- hash, because people type passwords into the field for names.
CREATE TABLE jobs.staff_tries (
  key           bytea PRIMARY KEY CHECK (length(key) = 32),
  tries         int NOT NULL DEFAULT 0,
  tried_at      timestamptz NOT NULL DEFAULT now(),
  blocked_until timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX staff_tries_tried_at ON jobs.staff_tries (tried_at);

-- Where an account has logged in from. Guesses made elsewhere can't lock it out there.
CREATE TABLE jobs.staff_addresses (
  account_id uuid NOT NULL REFERENCES jobs.staff_accounts (id) ON DELETE CASCADE,
  address    text NOT NULL,
  seen_at    timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (account_id, address)
);

-- Who did what to which thing, in the transaction that did it. Rows are only ever added.
CREATE TABLE jobs.audit_log (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at         timestamptz NOT NULL DEFAULT clock_timestamp(),
  who        text,                            -- null: nobody had proved who it was
  role       text,
  by         text CHECK (by IN ('session', 'token', 'shell')),
  action     text NOT NULL CHECK (action ~ '^[a-z_]+\.[a-z_]+$'),
  target     text,
  details    jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(details) = 'object'),
  address    text,                            -- of the client
  request_id text
);
CREATE INDEX audit_log_who ON jobs.audit_log (who, id);
CREATE INDEX audit_log_action ON jobs.audit_log (action, id);
CREATE INDEX audit_log_target ON jobs.audit_log (target, id);

REVOKE UPDATE, DELETE, TRUNCATE ON jobs.audit_log FROM kiosk_jobs;

-- Not even by a slip of the owner's.
CREATE FUNCTION jobs.keep_audit_log() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON jobs.audit_log
FOR EACH STATEMENT EXECUTE FUNCTION jobs.keep_audit_log();

-- migrate:down
