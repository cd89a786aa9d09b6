-- name: cart_facts
-- Everything that is known of a cart, as the JSON of cart_facts.CartFacts. An ordered cart costs what
-- its order does, whatever has become of terms since.
SELECT jsonb_build_object(
  'id', c.id, 'currency', c.currency, 'email', c.email, 'shipping_address', c.shipping_address,
  'country', c.country, 'shipping_method', c.shipping_method,
  'shipping_name', coalesce(o.shipping_method_name, m.name),
  'discount_code', c.discount_code, 'discount_holds', t.discount_holds,
  'discount_percent', d.percent_basis_points / 100.0,
  'discount_needs', CASE WHEN d.code IS NOT NULL AND checkout.discount_runs(d)
                    THEN checkout.money(d.minimum_minor, c.currency) END,
  'tax_percent', t.rate_basis_points / 100.0,
  'totals', jsonb_build_object(
    'items', checkout.money(t.items_minor, c.currency), 'discount', checkout.money(t.discount_minor, c.currency),
    'shipping', CASE WHEN t.shipping_minor IS NOT NULL THEN checkout.money(t.shipping_minor, c.currency) END,
    'tax', CASE WHEN t.tax_minor IS NOT NULL THEN checkout.money(t.tax_minor, c.currency) END,
    'total', checkout.money(t.total_minor, c.currency)),
  'order_token', o.token, 'expires_at', c.expires_at,
  'lines', (
    SELECT coalesce(jsonb_agg(jsonb_build_object(
      'sku', l.sku, 'slug', l.slug, 'title', l.title, 'attributes', l.attributes, 'image', l.image,
      'quantity', l.quantity, 'price', checkout.money(l.price_minor, c.currency),
      'total', checkout.money(l.quantity * l.price_minor, c.currency),
      'was', CASE WHEN l.was_minor IS NOT NULL THEN checkout.money(l.was_minor, c.currency) END,
      'available', greatest(0, coalesce(s.level - s.reserved, 0)),
      'sold', l.sold, 'quoted_until', l.quoted_until, 'stale', l.quoted_until <= now()
    ) ORDER BY l.added_at, l.sku), '[]')
    FROM checkout.cart_lines l LEFT JOIN checkout.stock_levels s ON s.sku = l.sku
    WHERE l.cart_id = c.id))::text
FROM checkout.carts c
LEFT JOIN checkout.orders o ON o.id = c.ordered_as
LEFT JOIN checkout.shipping_methods m ON m.code = c.shipping_method
LEFT JOIN checkout.discounts d ON d.code = c.discount_code
CROSS JOIN LATERAL (
  SELECT f.items_minor, f.discount_minor, f.shipping_minor, f.tax_minor, f.total_minor, f.rate_basis_points,
         f.discount_holds
  FROM checkout.cart_totals(c.id) f WHERE o.id IS NULL
  UNION ALL
  SELECT o.items_minor, o.discount_minor, o.shipping_minor, o.tax_minor, o.total_minor, o.rate_basis_points, true
  WHERE o.id IS NOT NULL
) t
WHERE c.id = $1 AND (c.expires_at > now() OR c.ordered_as IS NOT NULL)
