-- name: orders
-- Unpaid orders whose time was over ten minutes ago: another job to end each.
SELECT jobs.enqueue('checkout.expire_order', jsonb_build_array(late.id), unique_key => 'checkout.expire_order ' || late.id)
FROM (
  SELECT o.id FROM checkout.orders o
  WHERE o.status = 'pending_payment' AND o.reserved_until < now() - interval '10 minutes'
  ORDER BY o.reserved_until, o.id LIMIT $1
) late

-- name: payments
-- Open payments of which nothing was heard for two hours: another look at each. One that waits already
-- is the same one, and not the sooner for it.
SELECT jobs.enqueue('checkout.poll_payment', jsonb_build_array(late.id, 0),
                    run_at => now() + interval '1 hour', unique_key => 'checkout.poll_payment ' || late.id)
FROM (
  SELECT a.id FROM checkout.payment_attempts a
  WHERE a.state <> 'settled' AND NOT a.closed AND a.created_at < now() - interval '2 hours'
    AND coalesce(a.looked_at, a.created_at) < now() - interval '2 hours'
  ORDER BY a.created_at, a.id LIMIT $1
) late

-- name: refunds
-- Refunds that the gateway has not answered for two hours: another try of each, as above.
SELECT jobs.enqueue('checkout.send_refund', jsonb_build_array(late.id, 0),
                    run_at => now() + interval '10 minutes', unique_key => 'checkout.send_refund ' || late.id)
FROM (
  SELECT r.id FROM checkout.refunds r
  WHERE r.state = 'pending' AND r.created_at < now() - interval '2 hours'
  ORDER BY r.created_at, r.id LIMIT $1
) late
