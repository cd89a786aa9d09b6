-- name: stock
-- One SKU's figures with its newest movements.
SELECT s.sku, s.level, s.reserved, greatest(0, s.level - s.reserved) AS available, (
  SELECT coalesce(jsonb_agg(jsonb_build_object(
    'delta', m.delta, 'kind', m.kind, 'reason', m.reason, 'order_number', o.number::text,
    'created_at', m.created_at) ORDER BY m.id DESC), '[]')
  FROM (SELECT * FROM checkout.stock_movements m WHERE m.sku = s.sku ORDER BY m.id DESC LIMIT 50) m
  LEFT JOIN checkout.orders o ON o.id = m.order_id)::text AS movements
FROM checkout.stock_levels s WHERE s.sku = $1

-- name: hold_level
-- The present level, held against others who change it; a SKU never heard of begins at 0.
INSERT INTO checkout.stock_levels (sku) VALUES ($1)
ON CONFLICT (sku) DO UPDATE SET sku = excluded.sku
RETURNING level

-- name: adjust
-- The movement from one level to the other.
INSERT INTO checkout.stock_movements (sku, delta, kind, reason) VALUES ($1, $2, 'adjustment', $3)

-- name: hold_levels
-- The same for many SKUs, in the order in which everybody locks them.
INSERT INTO checkout.stock_levels (sku)
SELECT g.sku FROM (SELECT DISTINCT sku FROM unnest($1::text[]) AS g (sku)) g ORDER BY g.sku COLLATE "C"
ON CONFLICT (sku) DO UPDATE SET sku = excluded.sku

-- name: begin
-- First levels, for SKUs without any movement; the others stay as they are. Asked after the rows are
-- held: the statement that waited for them can't see what moved them meanwhile.
INSERT INTO checkout.stock_movements (sku, delta, kind, reason)
SELECT g.sku, g.level, 'initial', 'import'
FROM (SELECT DISTINCT ON (sku) sku, level FROM unnest($1::text[], $2::int[]) AS g (sku, level) ORDER BY sku) g
WHERE g.level > 0 AND NOT EXISTS (SELECT FROM checkout.stock_movements m WHERE m.sku = g.sku)
ORDER BY g.sku COLLATE "C"

-- name: tell
-- Hands catalog the word on these SKUs.
SELECT checkout.tell_catalog($1)
