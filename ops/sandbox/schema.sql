-- What the sandbox remembers. Money is in minor units, times are unix seconds.
-- `number` is the order in which things were made: lists are walked by it.

CREATE TABLE IF NOT EXISTS payment_intents (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    client_secret TEXT NOT NULL,
    created INTEGER NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL,
    status TEXT NOT NULL,
    metadata TEXT NOT NULL,          -- JSON, as the caller gave it
    details TEXT NOT NULL,           -- JSON: description, receipt_email and what else is only kept
    card TEXT,                       -- JSON: the card that is to pay, or paid
    next_action TEXT,                -- JSON
    last_payment_error TEXT,         -- JSON
    latest_charge TEXT,
    settles_at REAL,                 -- while it is processing
    canceled_at INTEGER,
    cancellation_reason TEXT
);

CREATE INDEX IF NOT EXISTS payment_intents_processing ON payment_intents (settles_at)
WHERE status = 'processing';

CREATE TABLE IF NOT EXISTS charges (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    intent_id TEXT NOT NULL REFERENCES payment_intents (id),
    created INTEGER NOT NULL,
    amount_minor INTEGER NOT NULL,
    refunded_minor INTEGER NOT NULL DEFAULT 0 CHECK (refunded_minor BETWEEN 0 AND amount_minor),
    currency TEXT NOT NULL,
    status TEXT NOT NULL,            -- succeeded, failed
    metadata TEXT NOT NULL,
    card TEXT NOT NULL,
    failure TEXT                     -- JSON: code, decline_code, message
);

-- Nobody is charged twice for one intent, whatever the code above believes.
CREATE UNIQUE INDEX IF NOT EXISTS charges_once ON charges (intent_id) WHERE status = 'succeeded';

CREATE TABLE IF NOT EXISTS authentications (
    token TEXT PRIMARY KEY,
    intent_id TEXT NOT NULL REFERENCES payment_intents (id),
    return_url TEXT,
    outcome TEXT                     -- complete, fail; null while the shopper thinks
);

CREATE TABLE IF NOT EXISTS refunds (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    charge_id TEXT NOT NULL REFERENCES charges (id),
    intent_id TEXT NOT NULL,
    created INTEGER NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL,
    reason TEXT,
    status TEXT NOT NULL,
    metadata TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS events (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    created INTEGER NOT NULL,
    type TEXT NOT NULL,
    object TEXT NOT NULL,            -- JSON: the thing as it was then
    request_id TEXT,
    idempotency_key TEXT
);

CREATE TABLE IF NOT EXISTS deliveries (
    event_number INTEGER PRIMARY KEY REFERENCES events (number),
    state TEXT NOT NULL DEFAULT 'pending',  -- pending, delivered, dropped, given_up
    attempts INTEGER NOT NULL DEFAULT 0,
    due_at REAL NOT NULL,
    after_next INTEGER NOT NULL DEFAULT 0,  -- 1: waits until a later event has arrived
    considered INTEGER NOT NULL DEFAULT 0,  -- 1: fault modes had their turn
    last_result TEXT
);

CREATE INDEX IF NOT EXISTS deliveries_pending ON deliveries (due_at) WHERE state = 'pending';

CREATE TABLE IF NOT EXISTS replies (
    idempotency_key TEXT PRIMARY KEY,
    created INTEGER NOT NULL,
    endpoint TEXT NOT NULL,
    parameters TEXT NOT NULL,        -- their SHA-256
    status INTEGER NOT NULL,
    body BLOB NOT NULL
);

CREATE INDEX IF NOT EXISTS replies_by_age ON replies (created);

CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    received_at REAL NOT NULL,
    sender TEXT NOT NULL,
    recipients TEXT NOT NULL,        -- JSON list of addresses, as the envelope says
    subject TEXT NOT NULL,
    raw BLOB NOT NULL
);
