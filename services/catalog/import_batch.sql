-- name: take_turn
-- One batch is written at a time, whoever imports: SKUs, categories and dictionary words of two
-- batches could otherwise wait for each other in a circle.
SELECT pg_advisory_xact_lock(1801678190)

-- name: stored_products
-- What is there under these slugs: the id, and as JSON of import_lines.Content what a line decides.
SELECT p.id, p.slug, json_build_object(
  'title', p.title, 'brand', p.brand, 'description', d.description, 'published', p.published_at IS NOT NULL,
  'seo_title', d.seo_title, 'seo_description', d.seo_description,
  'attributes', d.attributes, 'images', d.images,
  'categories', coalesce(c.slugs, '[]'::json), 'variants', coalesce(v.list, '[]'::json))::text AS content
FROM catalog.products p
JOIN catalog.product_details d ON d.product_id = p.id
CROSS JOIN LATERAL (
  SELECT json_agg(json_build_object(
    'sku', v.sku, 'price_minor', v.price_minor, 'compare_at_minor', v.compare_at_minor,
    'attributes', v.attributes, 'weight_grams', v.weight_grams) ORDER BY v.position, v.id) AS list
  FROM catalog.variants v WHERE v.product_id = p.id
) v
CROSS JOIN LATERAL (
  SELECT json_agg(c.slug ORDER BY pc.is_main DESC, c.slug COLLATE "C") AS slugs
  FROM catalog.product_categories pc JOIN catalog.categories c ON c.id = pc.category_id
  WHERE pc.product_id = p.id
) c
WHERE p.slug = ANY ($1::text[])

-- name: owners_of_skus
-- Which product has each SKU now.
SELECT v.sku, p.slug FROM catalog.variants v JOIN catalog.products p ON p.id = v.product_id
WHERE v.sku = ANY ($1::text[])

-- name: lock_products
-- In the order in which the refresh of availability locks them.
SELECT id FROM catalog.products WHERE id = ANY ($1::bigint[]) ORDER BY id FOR NO KEY UPDATE

-- name: put_products
-- The rows themselves; index_products() derives sort key, price and picture after the rest is in.
INSERT INTO catalog.products AS p (slug, title, title_key, brand, price_minor, published_at)
SELECT slug, title, '', brand, 0, CASE WHEN published THEN now() END
FROM unnest($1::text[], $2::text[], $3::text[], $4::boolean[]) AS line (slug, title, brand, published)
ON CONFLICT (slug) DO UPDATE SET
  title = excluded.title,
  brand = excluded.brand,
  published_at = CASE WHEN excluded.published_at IS NOT NULL THEN coalesce(p.published_at, now()) END,
  updated_at = now()
RETURNING id, slug

-- name: put_details
-- What only the product's own page needs.
INSERT INTO catalog.product_details (product_id, description, attributes, images, seo_title, seo_description)
SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[]::jsonb[], $4::text[]::jsonb[], $5::text[], $6::text[])
ON CONFLICT (product_id) DO UPDATE SET
  description = excluded.description,
  attributes = excluded.attributes,
  images = excluded.images,
  seo_title = excluded.seo_title,
  seo_description = excluded.seo_description

-- name: remove_variants
-- Those that the lines no longer have.
DELETE FROM catalog.variants v
WHERE v.product_id = ANY ($1::bigint[])
  AND NOT EXISTS (SELECT FROM unnest($2::text[]) AS kept (sku) WHERE kept.sku = v.sku)

-- name: put_variants
-- Stock stays what checkout said; of a new variant it has said nothing yet.
INSERT INTO catalog.variants (product_id, position, sku, price_minor, compare_at_minor, attributes, weight_grams)
SELECT * FROM unnest($1::bigint[], $2::int[], $3::text[], $4::bigint[], $5::bigint[], $6::text[]::jsonb[], $7::int[])
ON CONFLICT (sku) DO UPDATE SET
  position = excluded.position,
  price_minor = excluded.price_minor,
  compare_at_minor = excluded.compare_at_minor,
  attributes = excluded.attributes,
  weight_grams = excluded.weight_grams

-- name: take_from_categories
-- Out of all of them, before they are put where the lines say.
DELETE FROM catalog.product_categories WHERE product_id = ANY ($1::bigint[])

-- name: put_in_categories
-- The first of each product is its main one.
INSERT INTO catalog.product_categories (product_id, category_id, is_main)
SELECT place.product_id, c.id, place.is_main
FROM unnest($1::bigint[], $2::text[], $3::boolean[]) AS place (product_id, slug, is_main)
JOIN catalog.categories c ON c.slug = place.slug

-- name: derive
-- Everything that is made from products.
SELECT catalog.index_products($1::bigint[], $2)

-- name: unheard_of
-- The SKUs among these of which checkout has never said anything.
SELECT sku FROM catalog.variants WHERE sku = ANY ($1::text[]) AND stock_version = 0
