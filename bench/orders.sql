-- name: stock
-- Plenty of every article.
INSERT INTO checkout.stock_movements (sku, delta, kind) SELECT 'A-' || n, 10000000, 'initial' FROM generate_series(1, 1000) n

-- name: carts
-- Carts ready to be ordered.
INSERT INTO checkout.carts (id, currency, email, shipping_address, shipping_method, expires_at)
SELECT $1 || '-' || n, 'EUR', 'ada@example.com',
       '{"name": "Ada", "line1": "1 Way", "city": "Berlin", "postal_code": "10115", "country": "DE"}', 'standard',
       now() + interval '1 day'
FROM generate_series(1, $2::int) n

-- name: lines
-- Three different articles in each, or the one that all want.
INSERT INTO checkout.cart_lines (cart_id, sku, quantity, price_minor, slug, title, weight_grams, quoted_until)
SELECT $1 || '-' || n, 'A-' || (n * 7 + k * 331) % $3::int + 1, 1, 1000, 'a', 'A', 100, now() + interval '1 hour'
FROM generate_series(1, $2::int) n CROSS JOIN generate_series(1, least(3, $3::int)) k
