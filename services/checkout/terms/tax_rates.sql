-- name: rates
-- Every country we deliver to, as the JSON of terms_shapes.TaxRate.
SELECT coalesce(jsonb_agg(jsonb_build_object(
  'country', t.country, 'percent', t.rate_basis_points / 100.0) ORDER BY t.country), '[]')::text
FROM checkout.tax_rates t

-- name: set_rate
-- A country's rate, new or anew.
INSERT INTO checkout.tax_rates (country, rate_basis_points) VALUES ($1, $2)
ON CONFLICT (country) DO UPDATE SET rate_basis_points = EXCLUDED.rate_basis_points

-- name: delete_rate
-- Ends deliveries to a country, with its shipping rates; carts that go there say so.
DELETE FROM checkout.tax_rates WHERE country = $1 RETURNING true
