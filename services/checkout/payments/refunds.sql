-- name: order_to_refund
-- The order as the shopkeeper refunds it, held against others who do the same.
SELECT id, currency, captured_minor, refunded_minor FROM checkout.orders WHERE number = $1 FOR NO KEY UPDATE

-- name: ask
-- The refund's row, its share of what was captured, and the job that sends it.
SELECT checkout.ask_refund($1, $2, $3, $4)

-- name: refund
-- One refund as the API shows it.
SELECT r.id::text, r.amount_minor, o.currency, r.state, r.reason, r.created_at
FROM checkout.refunds r JOIN checkout.orders o ON o.id = r.order_id WHERE r.id = $1

-- name: to_send
-- What the gateway has to be told; nothing once it has answered for good. Stripe forgets a key when it
-- is a day old (https://docs.stripe.com/api/idempotent_requests); half of that is for its clock.
SELECT r.amount_minor, r.key_number, r.gateway_id, a.gateway_id AS intent_id,
       r.created_at < now() - interval '12 hours' AS key_may_be_forgotten
FROM checkout.refunds r JOIN checkout.payment_attempts a ON a.order_id = r.order_id
WHERE r.id = $1 AND r.state = 'pending'

-- name: next_refund_key
-- The gateway has stored a failure under the key and has no such refund: the next call has another.
UPDATE checkout.refunds SET key_number = $2 + 1 WHERE id = $1 AND key_number = $2

-- name: under_way
-- The gateway has taken the refund and will say later what came of it. One that we took for failed stays
-- without its id until then, so that its success is heard.
UPDATE checkout.refunds SET gateway_id = $2
WHERE id = $1 AND state = 'pending' AND gateway_id IS NULL AND amount_minor = $3
  AND NOT EXISTS (SELECT FROM checkout.refunds b WHERE b.gateway_id = $2 AND b.id <> $1)

-- name: settle_refund
-- The gateway's word on a refund.
SELECT checkout.settle_refund($1, $2, $3, $4, $5)

-- name: send_again
-- The next try, $3 seconds from now; one that waits already is the same one. Nothing once the gateway
-- has answered for good.
SELECT jobs.enqueue('checkout.send_refund', jsonb_build_array(r.id, $2::int),
                    run_at => now() + make_interval(secs => $3), unique_key => 'checkout.send_refund ' || r.id)
FROM checkout.refunds r WHERE r.id = $1 AND r.state = 'pending'
