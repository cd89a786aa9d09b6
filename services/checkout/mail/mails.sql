-- name: facts
-- What a mail tells, by its kind and what it is about, as the JSON of letters.Facts.
SELECT jsonb_build_object(
  'order_id', o.id, 'number', o.number::text, 'token', o.token, 'email', o.email,
  'created_at', o.created_at, 'paid_at', o.paid_at,
  'sent', EXISTS (SELECT FROM checkout.mails m WHERE m.kind = $1 AND m.about = $2 AND m.sent_at IS NOT NULL),
  'shipping_address', o.shipping_address,
  'shipping_name', o.shipping_method_name,
  'discount_code', o.discount_code,
  'tax_percent', o.rate_basis_points / 100.0,
  'totals', jsonb_build_object(
    'items', checkout.money(o.items_minor, o.currency), 'discount', checkout.money(o.discount_minor, o.currency),
    'shipping', checkout.money(o.shipping_minor, o.currency), 'tax', checkout.money(o.tax_minor, o.currency),
    'total', checkout.money(o.total_minor, o.currency)),
  'lines', (
    SELECT jsonb_agg(jsonb_build_object(
      'title', l.title, 'attributes', l.attributes, 'quantity', l.quantity,
      'price', checkout.money(l.price_minor, o.currency),
      'total', checkout.money(l.quantity * l.price_minor, o.currency)) ORDER BY l.position)
    FROM checkout.order_lines l WHERE l.order_id = o.id),
  'parcel', CASE $1 WHEN 'shipped' THEN (
    SELECT jsonb_build_object(
      'carrier', f.carrier, 'tracking_number', f.tracking_number, 'tracking_url', f.tracking_url,
      'lines', (
        SELECT jsonb_agg(jsonb_build_object(
          'title', l.title, 'attributes', l.attributes, 'quantity', p.quantity) ORDER BY l.position)
        FROM jsonb_to_recordset(f.lines) AS p (sku text, quantity int)
        JOIN checkout.order_lines l ON l.order_id = o.id AND l.sku = p.sku),
      'unsent', (
        -- After this parcel, whatever has left since: the mail stays the same however late it goes.
        SELECT coalesce(jsonb_agg(jsonb_build_object(
          'title', l.title, 'attributes', l.attributes, 'quantity', l.quantity - gone.quantity)
          ORDER BY l.position), '[]')
        FROM checkout.order_lines l
        CROSS JOIN LATERAL (
          SELECT coalesce(sum(p.quantity), 0) AS quantity
          FROM checkout.fulfilments e
          CROSS JOIN LATERAL jsonb_to_recordset(e.lines) AS p (sku text, quantity int)
          WHERE e.order_id = o.id AND e.position <= f.position AND p.sku = l.sku) gone
        WHERE l.order_id = o.id AND l.quantity > gone.quantity))
    FROM checkout.fulfilments f WHERE f.id = $2) END,
  'refund', CASE $1 WHEN 'refunded' THEN (
    SELECT jsonb_build_object(
      'state', r.state, 'amount', checkout.money(r.amount_minor, o.currency),
      'left', checkout.money(o.captured_minor - (
        SELECT coalesce(sum(e.amount_minor), 0)::bigint FROM checkout.refunds e
        WHERE e.order_id = o.id AND e.state = 'succeeded' AND (e.settled_at, e.id) <= (r.settled_at, r.id)
      ), o.currency))
    FROM checkout.refunds r WHERE r.id = $2) END
)::text
FROM checkout.orders o
WHERE o.id = CASE $1::text
  WHEN 'receipt' THEN $2::uuid
  WHEN 'shipped' THEN (SELECT f.order_id FROM checkout.fulfilments f WHERE f.id = $2)
  WHEN 'refunded' THEN (SELECT r.order_id FROM checkout.refunds r WHERE r.id = $2) END

-- name: hold
-- Notes that a mail is about to be sent and by which Message-ID, the first one it ever had. Nothing
-- when it was sent, or while another sender holds it.
INSERT INTO checkout.mails AS m (order_id, kind, about, message_id, held_until)
VALUES ($1, $2, $3, $4, now() + make_interval(secs => $5))
ON CONFLICT (kind, about) DO UPDATE SET held_until = excluded.held_until
WHERE m.sent_at IS NULL AND m.held_until <= now()
RETURNING message_id

-- name: sent
-- The mail server has taken it.
UPDATE checkout.mails SET sent_at = now(), error = NULL WHERE kind = $1 AND about = $2

-- name: let_go
-- The mail was not taken; the next sender need not wait.
UPDATE checkout.mails SET held_until = now(), error = $3 WHERE kind = $1 AND about = $2
