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

-- name: derive
-- Prices, availability, listing, search documents and dictionary of all products.
SELECT catalog.index_products(NULL, $1);

-- name: next_ids
-- The next product and category made by hand gets an id of its own.
SELECT setval(pg_get_serial_sequence('catalog.products', 'id'), (SELECT max(id) FROM catalog.products)),
       setval(pg_get_serial_sequence('catalog.categories', 'id'), (SELECT max(id) FROM catalog.categories));

-- name: analyze
-- Fresh figures for the planner.
ANALYZE catalog.categories, catalog.products, catalog.product_details, catalog.variants,
        catalog.product_categories, catalog.category_listing, catalog.search_documents, catalog.words;
