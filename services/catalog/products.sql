-- name: product_by_slug
-- One product with everything its page needs, as the JSON of shapes.Product.
SELECT json_build_object(
  'slug', p.slug, 'title', p.title, 'brand', p.brand,
  'price', json_build_object('amount', p.price_minor, 'currency', $2::text),
  'compare_at', CASE WHEN p.compare_at_minor IS NOT NULL
                THEN json_build_object('amount', p.compare_at_minor, 'currency', $2::text) END,
  'image', d.images -> 0,
  'availability', (ARRAY['sold_out', 'low', 'in_stock'])[p.availability + 1],
  'description', d.description, 'attributes', d.attributes, 'images', d.images,
  'categories', coalesce(c.paths, '[]'::json),
  'seo', json_build_object('title', coalesce(d.seo_title, p.title),
                           'description', coalesce(d.seo_description, left(d.description, 160))),
  'variants', coalesce(v.list, '[]'::json))::text AS product
FROM catalog.products p
JOIN catalog.product_details d ON d.product_id = p.id
CROSS JOIN LATERAL (
  SELECT json_agg(json_build_object(
    'sku', v.sku,
    'price', json_build_object('amount', v.price_minor, 'currency', $2::text),
    'compare_at', CASE WHEN v.compare_at_minor IS NOT NULL
                  THEN json_build_object('amount', v.compare_at_minor, 'currency', $2::text) END,
    'attributes', v.attributes,
    'availability', (ARRAY['sold_out', 'low', 'in_stock'])[catalog.availability_of(v.available, $3) + 1]
  ) ORDER BY v.position, v.id) AS list
  FROM catalog.variants v WHERE v.product_id = p.id
) v
CROSS JOIN LATERAL (
  SELECT json_agg(path.links ORDER BY pc.is_main DESC, pc.category_id) AS paths
  FROM catalog.product_categories pc
  CROSS JOIN LATERAL (
    WITH RECURSIVE up (id, parent_id, slug, name, height) AS (
      SELECT c.id, c.parent_id, c.slug, c.name, 0 FROM catalog.categories c WHERE c.id = pc.category_id
      UNION ALL
      SELECT c.id, c.parent_id, c.slug, c.name, up.height + 1
      FROM up JOIN catalog.categories c ON c.id = up.parent_id
    )
    SELECT json_agg(json_build_object('slug', up.slug, 'name', up.name) ORDER BY up.height DESC) AS links
    FROM up
  ) path
  WHERE pc.product_id = p.id
) c
WHERE p.slug = $1 AND p.published_at IS NOT NULL

-- name: all_categories
-- Every category, parents' children in their order.
SELECT id, parent_id, slug, name FROM catalog.categories ORDER BY position, name, id
