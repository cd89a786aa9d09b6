-- name: take
-- Charges a try on all counters, or names the one that is full.
SELECT * FROM checkout.take_limits($1, $2, $3, $4)

-- name: give_back
-- The try was none. Locks the counters in the order in which take_limits does.
UPDATE checkout.limit_counts c SET count = greatest(c.count - 1, 0)
FROM (
  SELECT rule, who, seconds FROM checkout.limit_counts
  JOIN unnest($1::text[], $2::text[], $3::int[]) a (rule, who, seconds) USING (rule, who, seconds)
  ORDER BY rule COLLATE "C", who COLLATE "C", seconds FOR NO KEY UPDATE OF limit_counts
) held
WHERE (c.rule, c.who, c.seconds) = (held.rule, held.who, held.seconds)

-- name: buyer
-- Who wants to buy with a cart, and whether that email has ordered enough, or too many cards were declined of
-- it, or for the article that the order would count for: too many, and no fewer than were taken meanwhile. No
-- row when the key has its order already, or there is no such cart.
SELECT c.email, f.*
FROM checkout.carts c
LEFT JOIN LATERAL (
  SELECT l.slug FROM checkout.cart_lines l WHERE l.cart_id = c.id
  ORDER BY l.price_minor, l.slug COLLATE "C" LIMIT 1
) l ON true
LEFT JOIN checkout.limit_counts declined
  ON (declined.rule, declined.who, declined.seconds) = ('product-declines', l.slug, $5)
LEFT JOIN checkout.limit_counts taken
  ON (taken.rule, taken.who, taken.seconds) = ('product-payments', l.slug, $5) AND taken.ends_at > clock_timestamp()
LEFT JOIN LATERAL checkout.full_limit(
  ARRAY['email-declines', 'product-declines'] || array_fill('email-orders'::text, ARRAY[cardinality($6::int[])]),
  ARRAY[checkout.limit_key(c.email), CASE WHEN declined.count >= coalesce(taken.count, 0) THEN l.slug END]
    || array_fill(checkout.limit_key(c.email), ARRAY[cardinality($6::int[])]),
  ARRAY[$3::int, $4::int] || $6::int[], ARRAY[$5::int, $5::int] || $7::int[]
) f ON true
WHERE c.id = $1 AND NOT EXISTS (SELECT FROM checkout.idempotency_keys k WHERE k.scope = 'order' AND k.key = $2)

-- name: decline
-- Counts a declined charge; whether it is new.
SELECT checkout.count_decline($1, $2, $3, $4, $5, $6, $7)
