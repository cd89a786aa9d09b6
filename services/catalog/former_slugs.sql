-- name: product_now
-- The slug of the published product that was called so.
SELECT p.slug FROM catalog.former_slugs f
JOIN catalog.products p ON p.id = f.product_id AND p.published_at IS NOT NULL
WHERE f.slug = $1

-- name: category_now
-- The slug of the category that was called so.
SELECT c.slug FROM catalog.former_category_slugs f
JOIN catalog.categories c ON c.id = f.category_id
WHERE f.slug = $1

-- name: products_called
-- Which of these slugs products have now.
SELECT slug FROM catalog.products WHERE slug = ANY ($1::text[])

-- name: rename
-- A trigger remembers the old slug.
UPDATE catalog.products p SET slug = renamed.new, updated_at = now()
FROM unnest($1::text[], $2::text[]) AS renamed (old, new)
WHERE p.slug = renamed.old

-- name: remember
-- Names that the import gives, whether the product ever had them here or in another shop. Only what
-- is new is written; how many that was.
INSERT INTO catalog.former_slugs AS f (slug, product_id)
SELECT given.former, p.id
FROM unnest($1::text[], $2::text[]) AS given (former, slug)
JOIN catalog.products p ON p.slug = given.slug
ON CONFLICT (slug) DO UPDATE SET product_id = excluded.product_id, since = excluded.since
WHERE f.product_id <> excluded.product_id
