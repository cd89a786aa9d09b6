-- name: discounts
-- A page of discount codes, as the JSON of terms_shapes.DiscountTerms.
SELECT coalesce(jsonb_agg(checkout.discount_terms(d, $3) ORDER BY d.code), '[]')::text
FROM (
  SELECT * FROM checkout.discounts WHERE code > coalesce($1, '') ORDER BY code LIMIT $2
) d

-- name: set_discount
-- One code, new or anew; its uses stay.
INSERT INTO checkout.discounts AS d (code, percent_basis_points, minimum_minor, starts_at, ends_at, uses_max)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (code) DO UPDATE SET
  percent_basis_points = EXCLUDED.percent_basis_points, minimum_minor = EXCLUDED.minimum_minor,
  starts_at = EXCLUDED.starts_at, ends_at = EXCLUDED.ends_at, uses_max = EXCLUDED.uses_max
RETURNING checkout.discount_terms(d, $7)::text

-- name: delete_discount
-- Ends a code for good; carts that use it say so.
DELETE FROM checkout.discounts WHERE code = $1 RETURNING true
