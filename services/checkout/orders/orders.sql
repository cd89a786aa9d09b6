-- name: place
-- The whole order in one call, counted for its email; see the functions' own words.
SELECT p.order_id, p.is_new, p.attempt_id, p.number::text, p.total_minor, p.currency,
       CASE WHEN p.is_new THEN checkout.charge_order(p.order_id, $11, $12) END
FROM checkout.place_order(
  $1, $2, $3, $4, $5, make_interval(mins => $6), make_interval(secs => $7), $8, $9, $10) p

-- name: placed
-- What the answer to an order says, and the attempt that pays for it. The secret with which it can be
-- paid is told while it is to be paid.
SELECT jsonb_build_object(
  'token', o.token, 'number', o.number::text, 'status', o.status,
  'total', jsonb_build_object('amount', o.total_minor, 'currency', o.currency),
  'payment', jsonb_build_object(
    'provider', a.provider, 'state', a.state, 'id', a.gateway_id, 'client_secret', CASE o.status WHEN 'pending_payment' THEN a.client_secret END,
    'publishable_key', $2::text, 'api_base', $3::text, 'message', a.message))::text AS answer
FROM checkout.orders o JOIN checkout.payment_attempts a ON a.order_id = o.id
WHERE o.id = $1

-- name: order
-- One order, whole, by its token or by its number.
SELECT jsonb_build_object(
  'token', o.token, 'number', o.number::text, 'status', o.status, 'email', o.email,
  'shipping_address', o.shipping_address,
  'shipping', jsonb_build_object('code', o.shipping_method, 'name', o.shipping_method_name,
    'price', checkout.money(o.shipping_minor, o.currency)),
  'discounts', CASE WHEN o.discount_code IS NULL THEN '[]'::jsonb ELSE jsonb_build_array(jsonb_build_object(
    'code', o.discount_code,
    'percent', CASE WHEN o.items_minor = 0 THEN 0 ELSE round(100.0 * o.discount_minor / o.items_minor, 2) END,
    'amount', checkout.money(o.discount_minor, o.currency))) END,
  'tax', jsonb_build_object('percent', o.rate_basis_points / 100.0, 'amount', checkout.money(o.tax_minor, o.currency)),
  'totals', jsonb_build_object(
    'items', checkout.money(o.items_minor, o.currency), 'discount', checkout.money(o.discount_minor, o.currency),
    'shipping', checkout.money(o.shipping_minor, o.currency), 'tax', checkout.money(o.tax_minor, o.currency),
    'total', checkout.money(o.total_minor, o.currency)),
  'total', checkout.money(o.total_minor, o.currency),
  'refunded', checkout.money(o.refunded_minor, o.currency),
  'lines', (
    SELECT jsonb_agg(jsonb_build_object(
      'sku', l.sku, 'slug', l.slug, 'title', l.title, 'attributes', l.attributes, 'image', l.image,
      'quantity', l.quantity, 'fulfilled', l.fulfilled, 'price', checkout.money(l.price_minor, o.currency),
      'total', checkout.money(l.quantity * l.price_minor, o.currency)) ORDER BY l.position)
    FROM checkout.order_lines l WHERE l.order_id = o.id),
  'payment', jsonb_build_object(
    'provider', a.provider, 'state', a.state, 'id', a.gateway_id, 'client_secret', CASE o.status WHEN 'pending_payment' THEN a.client_secret END,
    'publishable_key', $3::text, 'api_base', $4::text, 'message', a.message),
  'fulfilments', (
    SELECT coalesce(jsonb_agg(jsonb_build_object(
      'id', f.id, 'lines', f.lines, 'carrier', f.carrier, 'tracking_number', f.tracking_number,
      'tracking_url', f.tracking_url, 'created_at', f.created_at) ORDER BY f.position), '[]')
    FROM checkout.fulfilments f WHERE f.order_id = o.id),
  'refunds', (
    SELECT coalesce(jsonb_agg(jsonb_build_object(
      'id', r.id, 'amount', checkout.money(r.amount_minor, o.currency), 'state', r.state, 'reason', r.reason,
      'created_at', r.created_at) ORDER BY r.created_at, r.id), '[]')
    FROM checkout.refunds r WHERE r.order_id = o.id),
  'can_cancel', checkout.can_cancel(o), 'created_at', o.created_at, 'reserved_until', o.reserved_until,
  'paid_at', o.paid_at)::text
FROM checkout.orders o JOIN checkout.payment_attempts a ON a.order_id = o.id
WHERE ($1::text IS NULL OR o.token = $1) AND ($2::bigint IS NULL OR o.number = $2) AND num_nonnulls($1, $2) = 1

-- name: to_cancel
-- What has to be known before an order is cancelled. One that was paid is called off while its money
-- is on the way back, and afterwards; so is one whose money came too late.
SELECT o.id, o.status, checkout.can_cancel(o) AS can_cancel, a.id AS attempt_id,
       o.status = 'cancelled' OR (o.ended_at IS NOT NULL AND o.status IN ('refund_due', 'refunded')) AS is_off
FROM checkout.orders o JOIN checkout.payment_attempts a ON a.order_id = o.id
WHERE o.token = $1

-- name: end_unpaid
-- Frees what an unpaid order holds; false when it is no longer unpaid.
SELECT checkout.end_unpaid_order($1, $2)

-- name: expired
-- Whether the order still waits to be paid, and whether its time for that is over.
SELECT o.status = 'pending_payment' AS unpaid, o.reserved_until <= now() AS is_over, a.id AS attempt_id
FROM checkout.orders o JOIN checkout.payment_attempts a ON a.order_id = o.id
WHERE o.id = $1

-- name: cancel_paid
-- A paid order of which nothing has left goes back; not when part of it has, or the status is another.
SELECT cancelled FROM checkout.cancel_paid_order($1)

-- name: expire_in_time
-- Another job to end an order, for one that came too early.
SELECT jobs.enqueue('checkout.expire_order', jsonb_build_array(o.id), run_at => o.reserved_until)
FROM checkout.orders o WHERE o.id = $1
