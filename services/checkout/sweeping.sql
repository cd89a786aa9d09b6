-- name: sweep_carts
-- Carts whose time is over and that no order lives from; those in somebody's hands are left.
WITH over AS (
  SELECT id FROM checkout.carts WHERE ordered_as IS NULL AND expires_at <= now()
  ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED
), swept AS (
  DELETE FROM checkout.carts c USING over WHERE c.id = over.id RETURNING 1
)
SELECT count(*) FROM swept

-- name: sweep_ordered_carts
-- Carts of orders whose own time was over so many days ago.
WITH over AS (
  SELECT id FROM checkout.carts WHERE ordered_as IS NOT NULL AND expires_at <= now() - make_interval(days => $2)
  ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED
), swept AS (
  DELETE FROM checkout.carts c USING over WHERE c.id = over.id RETURNING 1
)
SELECT count(*) FROM swept

-- name: sweep_idempotency_keys
-- Keys older than anybody's patience. (The condition on scope is that of their index.)
WITH over AS (
  SELECT scope, key FROM checkout.idempotency_keys
  WHERE scope NOT IN ('refund', 'fulfilment') AND created_at <= now() - make_interval(days => $2)
  ORDER BY created_at LIMIT $1 FOR UPDATE SKIP LOCKED
), swept AS (
  DELETE FROM checkout.idempotency_keys k USING over WHERE k.scope = over.scope AND k.key = over.key RETURNING 1
)
SELECT count(*) FROM swept

-- name: sweep_webhook_events
-- Events that the gateway has long ceased to repeat.
WITH over AS (
  SELECT id FROM checkout.webhook_events WHERE received_at <= now() - make_interval(days => $2)
  ORDER BY received_at LIMIT $1 FOR UPDATE SKIP LOCKED
), swept AS (
  DELETE FROM checkout.webhook_events e USING over WHERE e.id = over.id RETURNING 1
)
SELECT count(*) FROM swept

-- name: sweep_limits
-- Counters whose window is over.
WITH over AS (
  SELECT rule, who, seconds FROM checkout.limit_counts WHERE ends_at <= now()
  ORDER BY ends_at LIMIT $1 FOR UPDATE SKIP LOCKED
), swept AS (
  DELETE FROM checkout.limit_counts c USING over
  WHERE (c.rule, c.who, c.seconds) = (over.rule, over.who, over.seconds) RETURNING 1
)
SELECT count(*) FROM swept

-- name: sweep_declines
-- Declined charges that nobody will tell of again.
WITH over AS (
  SELECT charge FROM checkout.declines WHERE declined_at <= now() - make_interval(days => $2)
  ORDER BY declined_at LIMIT $1 FOR UPDATE SKIP LOCKED
), swept AS (
  DELETE FROM checkout.declines d USING over WHERE d.charge = over.charge RETURNING 1
)
SELECT count(*) FROM swept
