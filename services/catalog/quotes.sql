-- name: quotes
-- What each SKU is and costs at this moment, as the JSON of shapes.Quotes, in the order asked for.
SELECT json_build_object('items', coalesce(json_agg(json_build_object(
  'sku', v.sku, 'slug', p.slug, 'title', p.title, 'attributes', v.attributes,
  'price', json_build_object('amount', v.price_minor, 'currency', $2::text),
  'weight_grams', v.weight_grams,
  'image', CASE WHEN p.image_url IS NOT NULL
           THEN json_build_object('url', p.image_url, 'alt', coalesce(p.image_alt, '')) END
) ORDER BY array_position($1::text[], v.sku)), '[]'::json))::text AS quotes
FROM catalog.variants v
JOIN catalog.products p ON p.id = v.product_id AND p.published_at IS NOT NULL
WHERE v.sku = ANY ($1::text[])
