-- name: methods
-- Every way to ship with its rates, as the JSON of terms_shapes.ShippingTerms; one of them with $1.
SELECT coalesce(jsonb_agg(jsonb_build_object(
  'code', m.code, 'name', m.name, 'position', m.position, 'rates', (
    SELECT coalesce(jsonb_agg(jsonb_build_object(
      'country', r.country, 'weight_max_grams', r.weight_max_grams,
      'price', checkout.money(r.price_minor, $2)) ORDER BY r.country, r.weight_max_grams), '[]')
    FROM checkout.shipping_rates r WHERE r.method = m.code)
) ORDER BY m.position, m.code), '[]')::text
FROM checkout.shipping_methods m
WHERE $1::text IS NULL OR m.code = $1

-- name: known_countries
-- Which of these countries we deliver to, held until we are done, so that none is taken away meanwhile.
SELECT country FROM checkout.tax_rates WHERE country = ANY ($1::text[]) ORDER BY country FOR KEY SHARE

-- name: set_method
-- A way to ship, new or anew.
INSERT INTO checkout.shipping_methods (code, name, position) VALUES ($1, $2, $3)
ON CONFLICT (code) DO UPDATE SET name = EXCLUDED.name, position = EXCLUDED.position

-- name: set_rates
-- All rates of a method: those named are set, the others dropped.
WITH wanted AS (
  SELECT * FROM unnest($2::text[], $3::int[], $4::bigint[]) AS w (country, weight_max_grams, price_minor)
), dropped AS (
  DELETE FROM checkout.shipping_rates r WHERE r.method = $1 AND NOT EXISTS (
    SELECT FROM wanted w WHERE w.country = r.country AND w.weight_max_grams = r.weight_max_grams)
)
INSERT INTO checkout.shipping_rates (method, country, weight_max_grams, price_minor)
SELECT $1, country, weight_max_grams, price_minor FROM wanted
ON CONFLICT (country, method, weight_max_grams) DO UPDATE SET price_minor = EXCLUDED.price_minor

-- name: delete_method
-- Ends a way to ship, with its rates; carts that chose it say so.
DELETE FROM checkout.shipping_methods WHERE code = $1 RETURNING true
