-- name: take
-- Charges a try on all counters, or names the one that is full.
SELECT * FROM checkout.take_limits($1, $2, $3, $4)

-- name: give_back
-- The try was none.
UPDATE checkout.limit_counts c SET count = greatest(c.count - 1, 0)
FROM unnest($1::text[], $2::text[], $3::int[]) a (rule, who, seconds)
WHERE c.rule = a.rule AND c.who = a.who AND c.seconds = a.seconds

-- name: buyer
-- Who buys with a cart, and whether too many cards were declined of that email, or for the article that its
-- order would count for: too many, and no fewer than were taken for it meanwhile.
SELECT c.email, f.*
FROM checkout.carts c
LEFT JOIN LATERAL (
  SELECT l.slug FROM checkout.cart_lines l WHERE l.cart_id = c.id
  ORDER BY l.price_minor, l.slug COLLATE "C" LIMIT 1
) l ON true
LEFT JOIN checkout.limit_counts declined
  ON (declined.rule, declined.who, declined.seconds) = ('product-declines', l.slug, $4)
LEFT JOIN checkout.limit_counts taken
  ON (taken.rule, taken.who, taken.seconds) = ('product-payments', l.slug, $4) AND taken.ends_at > clock_timestamp()
LEFT JOIN LATERAL checkout.full_limit(
  ARRAY['email-declines', 'product-declines'],
  ARRAY[checkout.limit_key(c.email), CASE WHEN declined.count >= coalesce(taken.count, 0) THEN l.slug END],
  ARRAY[$2::int, $3::int], ARRAY[$4::int, $4::int]
) f ON true
WHERE c.id = $1

-- name: decline
-- Counts a declined charge; whether it is new.
SELECT checkout.count_decline($1, $2, $3, $4, $5, $6, $7)
