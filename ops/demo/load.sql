-- name: any_product
-- Whether there is something to lose.
SELECT EXISTS (SELECT FROM catalog.products);

-- name: take_memory
-- Room for the sorts and index builds of this one transaction.
SELECT set_config('work_mem', '64MB', true), set_config('maintenance_work_mem', '256MB', true);

-- name: empty_catalog
-- Everything goes, what is derived from products too.
TRUNCATE catalog.products, catalog.categories, catalog.words CASCADE;

-- name: secondary_indexes
-- The indexes that only make reading fast: not those that hold a key or a constraint.
SELECT format('%I.%I', n.nspname, c.relname) AS name, pg_get_indexdef(c.oid) AS definition
FROM pg_index i
JOIN pg_class c ON c.oid = i.indexrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE i.indrelid = ANY ($1::regclass[])
  AND NOT i.indisunique
ORDER BY c.relname;

-- name: stock_initially
-- Checkout's ledger begins with what the demo has of each SKU. One that it knows already, from a demo
-- before this one, keeps its stock: there may be orders for it. A trigger sums the levels up.
INSERT INTO checkout.stock_movements (sku, delta, kind, reason)
SELECT v.sku, v.available, 'initial', 'Demo catalog'
FROM catalog.variants v
WHERE v.available > 0
  AND NOT EXISTS (SELECT FROM checkout.stock_levels s WHERE s.sku = v.sku)
ORDER BY v.id;

-- name: hear_stock
-- What checkout says of it, as if its job had told.
UPDATE catalog.variants v SET available = greatest(0, s.level - s.reserved), stock_version = s.version
FROM checkout.stock_levels s
WHERE s.sku = v.sku
  AND (v.stock_version, v.available) IS DISTINCT FROM (s.version, greatest(0, s.level - s.reserved));

-- name: welcome
-- A discount code to try.
INSERT INTO checkout.discounts (code, percent_basis_points) VALUES ('WELCOME10', 1000) ON CONFLICT DO NOTHING;

-- name: derive
-- Prices, availability, listing, search documents and dictionary of all products.
SELECT catalog.index_products(NULL, $1);

-- name: next_ids
-- The next product and category made by hand gets an id of its own.
SELECT setval(pg_get_serial_sequence('catalog.products', 'id'), (SELECT max(id) FROM catalog.products)),
       setval(pg_get_serial_sequence('catalog.categories', 'id'), (SELECT max(id) FROM catalog.categories));

-- name: analyze
-- Fresh figures for the planner.
ANALYZE checkout.stock_levels, checkout.stock_movements;
ANALYZE catalog.categories, catalog.products, catalog.product_details, catalog.variants,
        catalog.product_categories, catalog.category_listing, catalog.search_documents, catalog.words;
