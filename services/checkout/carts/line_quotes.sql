-- name: take_over
-- What catalog said of lines whose quote had run out: their new price, or that they are not sold. A
-- line that someone else has asked about meanwhile, or that was ordered, stays as it is.
WITH cart AS (
  SELECT c.id FROM checkout.carts c WHERE c.id = $1 AND c.ordered_as IS NULL FOR NO KEY UPDATE
)
UPDATE checkout.cart_lines l SET
  sold = q.sku IS NOT NULL,
  price_minor = coalesce(q.price_minor, l.price_minor),
  was_minor = CASE WHEN q.price_minor <> l.price_minor THEN l.price_minor END,
  slug = coalesce(q.slug, l.slug), title = coalesce(q.title, l.title),
  attributes = coalesce(q.attributes, l.attributes),
  image = CASE WHEN q.sku IS NULL THEN l.image ELSE q.image END,
  weight_grams = coalesce(q.weight_grams, l.weight_grams),
  quoted_until = now() + make_interval(mins => $4)
FROM cart
CROSS JOIN unnest($2::text[]) AS asked (sku)
LEFT JOIN checkout.quoted($3::jsonb) q ON q.sku = asked.sku
WHERE l.cart_id = cart.id AND l.sku = asked.sku AND l.quoted_until <= now()
