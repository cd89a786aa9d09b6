-- name: set_line
-- Sets a line at the price that catalog just said. Nothing when that would be one article too many.
INSERT INTO checkout.cart_lines AS l (
  cart_id, sku, quantity, price_minor, slug, title, attributes, image, weight_grams, quoted_until)
SELECT $1, q.sku, $2, q.price_minor, q.slug, q.title, q.attributes, q.image, q.weight_grams,
       now() + make_interval(mins => $4)
FROM checkout.quoted($3::jsonb) q
WHERE (SELECT count(*) FROM checkout.cart_lines o WHERE o.cart_id = $1 AND o.sku <> q.sku) < $5
ON CONFLICT (cart_id, sku) DO UPDATE SET
  quantity = EXCLUDED.quantity, price_minor = EXCLUDED.price_minor,
  was_minor = CASE WHEN l.price_minor <> EXCLUDED.price_minor THEN l.price_minor END,
  slug = EXCLUDED.slug, title = EXCLUDED.title, attributes = EXCLUDED.attributes, image = EXCLUDED.image,
  weight_grams = EXCLUDED.weight_grams, sold = true, quoted_until = EXCLUDED.quoted_until
RETURNING true

-- name: remove_line
-- Takes a line out of a cart.
DELETE FROM checkout.cart_lines WHERE cart_id = $1 AND sku = $2
