-- name: take
-- Charges a try on all counters, or names the one that is full.
SELECT * FROM checkout.take_limits($1, $2, $3, $4)

-- name: give_back
-- The try was none.
UPDATE checkout.limit_counts c SET count = greatest(c.count - 1, 0)
FROM unnest($1::text[], $2::text[], $3::int[]) a (rule, who, seconds)
WHERE c.rule = a.rule AND c.who = a.who AND c.seconds = a.seconds

-- name: buyer
-- Who buys with a cart, and whether too many cards were declined of that email, or for one of its articles.
SELECT c.email, f.*
FROM checkout.carts c
CROSS JOIN LATERAL (
  SELECT array_agg(DISTINCT l.slug) FILTER (WHERE l.slug IS NOT NULL) AS slugs FROM checkout.cart_lines l WHERE l.cart_id = c.id
) l
LEFT JOIN LATERAL checkout.full_limit(
  ARRAY['email-declines'] || array_fill('product-declines'::text, ARRAY[coalesce(cardinality(l.slugs), 0)]),
  ARRAY[checkout.limit_key(c.email)] || coalesce(l.slugs, '{}'),
  ARRAY[$2::int] || array_fill($3::int, ARRAY[coalesce(cardinality(l.slugs), 0)]),
  array_fill($4::int, ARRAY[1 + coalesce(cardinality(l.slugs), 0)])
) f ON true
WHERE c.id = $1

-- name: decline
-- Counts a declined charge; whether it is new.
SELECT checkout.count_decline($1, $2, $3, $4, $5, $6, $7)
