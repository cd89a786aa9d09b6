-- name: attempt
-- What has to be known before the gateway is asked about a payment.
SELECT a.gateway_id, a.key_number, a.state, a.closed, a.amount_minor, a.currency, a.created_at,
       o.number::text AS order_number, o.status AS order_status
FROM checkout.payment_attempts a JOIN checkout.orders o ON o.id = a.order_id
WHERE a.id = $1

-- name: next_key
-- The gateway has stored a failure under the key: the next call has another.
UPDATE checkout.payment_attempts SET key_number = $2 + 1 WHERE id = $1 AND key_number = $2

-- name: heard
-- What the gateway says of a payment that has no money yet, and whether that is news. A settled or
-- closed one stays as it is, and one that has another intent.
UPDATE checkout.payment_attempts a SET
  gateway_id = $2, client_secret = coalesce(client_secret, $3),
  state = $4, message = $5, closed = $6, looked_at = now()
WHERE id = $1 AND state <> 'settled' AND NOT closed AND coalesce(gateway_id = $2, true)
  AND NOT EXISTS (SELECT FROM checkout.payment_attempts b WHERE b.gateway_id = $2 AND b.id <> $1)
RETURNING (old.state, old.message) IS DISTINCT FROM (new.state, new.message)

-- name: give_up
-- The gateway will make no intent for a payment, or is not to be asked for one any more. One that it
-- has made meanwhile goes on.
UPDATE checkout.payment_attempts SET state = 'failed', closed = true, looked_at = now()
WHERE id = $1 AND gateway_id IS NULL AND state = 'preparing'

-- name: follow
-- The next look at a payment, $3 seconds from now. A look that waits already is the same one: the
-- earlier time of both counts.
SELECT jobs.enqueue('checkout.poll_payment', jsonb_build_array($1::uuid, $2::int),
                    run_at => now() + make_interval(secs => $3), unique_key => 'checkout.poll_payment ' || $1::uuid,
                    request_id => $4, traceparent => $5)

-- name: settle
-- The gateway has the money.
SELECT checkout.settle_and_count($1, $2, $3, $4, $5)
