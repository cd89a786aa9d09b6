-- name: attempts
-- Our side of the gateway's book: what we think was paid, by the gateway's id.
SELECT a.gateway_id, a.state, a.amount_minor, o.number::text, o.status
FROM checkout.payment_attempts a JOIN checkout.orders o ON o.id = a.order_id
WHERE a.gateway_id IS NOT NULL

-- name: refunds
-- And what we think was given back, by our own id.
SELECT r.id::text, r.state, r.amount_minor, o.number::text
FROM checkout.refunds r JOIN checkout.orders o ON o.id = r.order_id
