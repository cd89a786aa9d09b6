-- The facets of a list, counted from no more products than a bound, whatever the size of the shop.
--
-- Each filter that has an index is a `driver`: it finds the first products it lets through, one more than
-- the bound at most. The driver that finds fewest is walked, and the other filters are tested on its
-- products: when it found fewer than the bound, everything is counted exactly. The facet whose own filter
-- that driver is has to be counted without it: for that one the next best driver is walked as well. So at
-- most two walks are made, each of `bound` products.

-- name: driver_all
-- The newest of the shop: when no filter has an index.
SELECT p.id FROM catalog.products p WHERE p.published_at IS NOT NULL ORDER BY p.published_at DESC, p.id DESC

-- name: driver_words
-- No order: whether to look words up or to read along is the planner's to choose.
SELECT s.product_id AS id FROM catalog.search_documents s
WHERE s.full_vector @@ websearch_to_tsquery('catalog.shop', {0})

-- name: driver_category
-- The newest of a category and of what lies below it.
SELECT l.product_id AS id FROM catalog.category_listing l
WHERE l.category_id = (SELECT c.id FROM catalog.categories c WHERE c.slug = {0})
ORDER BY l.published_at DESC, l.product_id DESC

-- name: driver_brand
-- Those of a brand.
SELECT p.id FROM catalog.products p WHERE p.published_at IS NOT NULL AND p.brand = ANY ({0})

-- name: driver_price
-- The cheapest within the selected prices.
SELECT p.id FROM catalog.products p
WHERE p.published_at IS NOT NULL AND p.price_minor BETWEEN {0} AND {1} ORDER BY p.price_minor, p.id

-- name: driver_price_in_category
-- The cheapest of a category within the selected prices.
SELECT l.product_id AS id FROM catalog.category_listing l
WHERE l.category_id = (SELECT c.id FROM catalog.categories c WHERE c.slug = {0})
  AND l.price_minor BETWEEN {1} AND {2} ORDER BY l.price_minor, l.product_id

-- name: driver_attribute
-- No order, as with words: one of the values of an attribute.
SELECT p.id FROM catalog.products p WHERE p.published_at IS NOT NULL AND p.attribute_terms && {0}::text[]

-- name: holds_words
-- As a scalar subquery, which is looked up per product: an EXISTS may be turned into a join that reads
-- every match there is.
(SELECT s.full_vector @@ websearch_to_tsquery('catalog.shop', {0})
 FROM catalog.search_documents s WHERE s.product_id = p.id) IS TRUE

-- name: lies_in_category
-- Whether a product lies in the category or below it.
(SELECT true FROM catalog.category_listing l WHERE l.product_id = p.id
 AND l.category_id = (SELECT c.id FROM catalog.categories c WHERE c.slug = {0})) IS TRUE

-- name: walks
-- Which drivers are walked: the best, and the second when the best is a facet's own filter.
walks AS MATERIALIZED (
  SELECT r.walk, r.driver, r.facet
  FROM (SELECT driver, facet, row_number() OVER (ORDER BY size, driver) AS walk
        FROM (VALUES {sizes}) sizes (driver, facet, size)) r
  WHERE r.walk <= 2
), best AS MATERIALIZED (SELECT w.facet FROM walks w WHERE w.walk = 1)

-- name: size_of_driver
-- How many a driver finds, one more than the bound at most.
(SELECT count(*) FROM driver_{driver})

-- name: is_truncated
-- Whether a walk's driver found more than is counted; false for a second walk that was not made.
coalesce(CASE (SELECT w.driver FROM walks w WHERE w.walk = {walk} AND (w.walk = 1 OR (SELECT facet FROM best) > 0))
         {sizes} END > {bound}, false)

-- name: candidates
-- One driver's part of them, read only when it is walked.
SELECT (SELECT w.walk FROM walks w WHERE w.driver = {driver}) AS walk, {driver} AS driver, d.id
FROM (SELECT id FROM driver_{driver} LIMIT {bound}) d
WHERE EXISTS (SELECT FROM walks w WHERE w.driver = {driver} AND (w.walk = 1 OR (SELECT facet FROM best) > 0))

-- name: counted_products
-- The products that fail no facet's filter, or a single one (`failed`). OFFSET 0 keeps the planner from
-- joining in another way than by key.
counted_products AS MATERIALIZED (
  SELECT c.walk, p.*
  FROM ({candidates}) c
  CROSS JOIN LATERAL (
    SELECT p.id, p.brand, p.price_minor, p.attribute_terms, {failed} AS failed
    FROM catalog.products p
    WHERE p.id = c.id AND p.published_at IS NOT NULL AND {fails} <= 1 AND {conditions}
    OFFSET 0
  ) p
)

-- name: seen_by
-- Which of them the facet {facet} counts.
p.failed IN (0, {facet}) AND p.walk = CASE WHEN (SELECT facet FROM best) = {facet} THEN 2 ELSE 1 END

-- name: count_total
-- How many products the list has.
SELECT count(*) FROM counted_products p WHERE p.failed = 0 AND p.walk = 1

-- name: count_brands
-- Per brand.
SELECT json_agg(json_build_array(b.brand, b.count) ORDER BY b.place)
FROM (SELECT p.brand, count(*), row_number() OVER (ORDER BY count(*) DESC, p.brand) AS place
      FROM counted_products p WHERE p.brand <> '' AND {seen} GROUP BY p.brand) b
WHERE b.place <= {values_max} OR b.brand = ANY ({selected}::text[])

-- name: count_prices
-- Per price, to be put into bands.
SELECT json_agg(json_build_array(s.step, s.count))
FROM (SELECT width_bucket(p.price_minor, {edges}::bigint[]) AS step, count(*)
      FROM counted_products p WHERE {seen} GROUP BY 1) s

-- name: count_price_range
-- How many are within the selected prices.
SELECT count(*) FROM counted_products p WHERE p.failed = 0 AND {seen}

-- name: count_attributes
-- Terms are `name=value`. Counted before they are taken apart (OFFSET 0): there are far fewer afterwards.
SELECT json_agg(json_build_array(v.name, v.value, v.count) ORDER BY v.total DESC, v.name, v.place)
FROM (
  SELECT n.*, dense_rank() OVER (ORDER BY n.total DESC, n.name) AS name_place
  FROM (
    SELECT p.term, p.name, substr(p.term, length(p.name) + 2) AS value, sum(p.count)::bigint AS count,
           sum(sum(p.count)) OVER (PARTITION BY p.name) AS total,
           row_number() OVER (PARTITION BY p.name ORDER BY sum(p.count) DESC, p.term) AS place
    FROM (
      SELECT t.*, coalesce(array_position({names}::text[], t.name) + {before}, 0) AS facet
      FROM (SELECT p.walk, p.failed, term, split_part(term, '=', 1) AS name, count(*)
            FROM counted_products p CROSS JOIN LATERAL unnest(p.attribute_terms) term
            WHERE CASE p.walk WHEN 1 THEN p.failed = 0 OR p.failed > {before}
                              ELSE (SELECT facet FROM best) > {before} END
            GROUP BY p.walk, p.failed, term
            OFFSET 0) t
    ) p
    WHERE p.failed IN (0, p.facet)
      AND p.walk = CASE WHEN p.facet > 0 AND (SELECT facet FROM best) = p.facet THEN 2 ELSE 1 END
    GROUP BY p.term, p.name
  ) n
) v
WHERE v.term = ANY ({selected}::text[])
   OR v.place <= {values_max} AND (v.name_place <= {names_max} OR v.name = ANY ({names}::text[]))

-- name: count_categories
-- The children of the chosen category, or those at the top; a product that is several times below one
-- counts once, because category_listing holds it once.
SELECT json_agg(json_build_array(c.slug, c.name, n.count) ORDER BY c.position, c.name, c.id)
FROM (SELECT l.category_id, count(*)
      FROM counted_products p
      CROSS JOIN LATERAL (SELECT l.category_id FROM catalog.category_listing l
                          WHERE l.product_id = p.id OFFSET 0) l
      WHERE p.failed = 0 AND p.walk = 1
      GROUP BY l.category_id) n
JOIN catalog.categories c ON c.id = n.category_id
WHERE c.parent_id IS NOT DISTINCT FROM (SELECT c.id FROM catalog.categories c WHERE c.slug = {category})

-- name: name_category
-- What the chosen category is called.
SELECT c.name FROM catalog.categories c WHERE c.slug = {category}

-- name: beside_page
-- A page of the list with the facets in its first row; that row holds only them when the page is empty.
WITH {facets}
SELECT page.*, CASE WHEN page.place > 1 THEN NULL ELSE counted.facets END AS facets
FROM counted LEFT JOIN (
  SELECT page.*, row_number() OVER () AS place FROM ({page}) page
) page ON true
ORDER BY page.place
