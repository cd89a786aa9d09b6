-- name: methods_for_cart
-- The ways to ship a cart to a country (its own unless given), with what each asks for its weight.
SELECT coalesce($2, c.country) AS country, jsonb_build_object('items', (
  SELECT coalesce(jsonb_agg(jsonb_build_object(
    'code', m.code, 'name', m.name, 'price', checkout.money(p.price_minor, c.currency)
  ) ORDER BY m.position, m.code), '[]')
  FROM checkout.shipping_methods m
  CROSS JOIN LATERAL checkout.shipping_price(m.code, coalesce($2, c.country), t.weight_grams) AS p (price_minor)
  WHERE p.price_minor IS NOT NULL))::text AS methods
FROM checkout.carts c
CROSS JOIN LATERAL checkout.cart_totals(c.id) t
WHERE c.id = $1 AND (c.expires_at > now() OR c.ordered_as IS NOT NULL)

-- name: countries
-- Countries with a tax rate and a way to ship there.
SELECT coalesce(array_agg(t.country::text ORDER BY t.country), '{}') FROM checkout.tax_rates t
WHERE EXISTS (SELECT FROM checkout.shipping_rates r WHERE r.country = t.country)
