-- name: lock_products
-- The products of these SKUs, locked in one order: two workers that hear of different variants of
-- one product must not each sum up without the other's.
SELECT p.id, p.slug FROM catalog.products p
WHERE p.id IN (SELECT v.product_id FROM catalog.variants v WHERE v.sku = ANY ($1::text[]))
ORDER BY p.id
FOR NO KEY UPDATE OF p

-- name: hear_stock
-- Stores the newest word per SKU; returns the products it changed.
WITH heard AS (
  SELECT DISTINCT ON (sku) sku, available, version
  FROM unnest($1::text[], $2::int[], $3::bigint[]) AS told (sku, available, version)
  ORDER BY sku, version DESC
)
UPDATE catalog.variants v SET available = heard.available, stock_version = heard.version
FROM heard
WHERE v.sku = heard.sku AND v.stock_version < heard.version
RETURNING v.product_id

-- name: judge_products
-- In stock, low or sold out, from the sum of the variants. Most words of stock change neither, so they write
-- no row; updated_at is for the content, since the sitemap tells crawlers by it what to read again.
UPDATE catalog.products p SET availability = catalog.availability_of(total.available, $2)
FROM (
  SELECT v.product_id, sum(v.available) AS available
  FROM catalog.variants v WHERE v.product_id = ANY ($1::bigint[]) GROUP BY v.product_id
) total
WHERE p.id = total.product_id AND p.availability <> catalog.availability_of(total.available, $2)
