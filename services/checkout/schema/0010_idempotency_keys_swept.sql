-- migrate:up transaction:false

-- The keys that are swept: those of refunds and parcels are kept, and must not be passed over each time.
CREATE INDEX CONCURRENTLY IF NOT EXISTS idempotency_keys_swept ON checkout.idempotency_keys (created_at)
  WHERE scope NOT IN ('refund', 'fulfilment');

-- migrate:down
