-- name: lock_order
-- The order whose parcels are packed: others who pack, refund or cancel it wait here. `given_back`: all
-- that was paid for it has been asked back, be it on its way still.
SELECT id, status, captured_minor > 0 AND refunded_minor = captured_minor AS given_back FROM checkout.orders WHERE number = $1 FOR NO KEY UPDATE

-- name: lines
-- What has left and what has not, read after the lock.
SELECT sku, quantity - fulfilled AS unsent FROM checkout.order_lines WHERE order_id = $1 ORDER BY position

-- name: send
-- A parcel leaves: its row, its lines counted, and the order fulfilled with the last of them. An order
-- that was refunded in part stays so: `fulfilled_at` tells that everything has left.
WITH sent AS (
  SELECT s.sku, s.quantity FROM unnest($3::text[], $4::int[]) AS s (sku, quantity)
), counted AS (
  UPDATE checkout.order_lines l SET fulfilled = l.fulfilled + sent.quantity
  FROM sent WHERE l.order_id = $2 AND l.sku = sent.sku
), complete AS (
  UPDATE checkout.orders o SET
    status = CASE o.status WHEN 'paid' THEN 'fulfilled' ELSE o.status END, fulfilled_at = now()
  WHERE o.id = $2 AND NOT EXISTS (
    SELECT FROM checkout.order_lines l LEFT JOIN sent ON sent.sku = l.sku
    WHERE l.order_id = $2 AND l.fulfilled + coalesce(sent.quantity, 0) < l.quantity)
)
INSERT INTO checkout.fulfilments (id, order_id, position, lines, carrier, tracking_number, tracking_url)
SELECT $1, $2, 1 + count(f.*),
       (SELECT jsonb_agg(jsonb_build_object('sku', l.sku, 'quantity', sent.quantity) ORDER BY l.position)
        FROM sent JOIN checkout.order_lines l ON l.order_id = $2 AND l.sku = sent.sku),
       $5, $6, $7
FROM checkout.fulfilments f WHERE f.order_id = $2

-- name: fulfilment
-- A parcel as the JSON of shapes.Fulfilment.
SELECT jsonb_build_object('id', f.id, 'lines', f.lines, 'carrier', f.carrier,
  'tracking_number', f.tracking_number, 'tracking_url', f.tracking_url, 'created_at', f.created_at)::text
FROM checkout.fulfilments f WHERE f.id = $1
