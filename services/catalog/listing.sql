-- name: card_from_products
-- A page of cards; the code adds conditions, order and limit to one of these three beginnings.
SELECT p.id, p.slug, p.title, p.brand, p.price_minor, p.compare_at_minor, p.image_url, p.image_alt,
       p.availability, p.published_at, p.title_key
FROM catalog.products p

-- name: card_from_category
-- The same, walked in the category's own order.
SELECT p.id, p.slug, p.title, p.brand, p.price_minor, p.compare_at_minor, p.image_url, p.image_alt,
       p.availability, p.published_at, p.title_key
FROM catalog.category_listing l JOIN catalog.products p ON p.id = l.product_id

-- name: card_by_relevance
-- The same, from the search documents: `tier` 1 has all words in title or brand, 0 anywhere.
SELECT p.id, p.slug, p.title, p.brand, p.price_minor, p.compare_at_minor, p.image_url, p.image_alt,
       p.availability, p.published_at, p.title_key, s.popularity
FROM catalog.search_documents s JOIN catalog.products p ON p.id = s.product_id

-- name: in_category
-- Condition of card_from_category.
l.category_id = (SELECT c.id FROM catalog.categories c WHERE c.slug = {0})

-- name: under_category
-- The same condition where the walk goes by something else.
EXISTS (SELECT FROM catalog.category_listing l JOIN catalog.categories c ON c.id = l.category_id
        WHERE l.product_id = p.id AND c.slug = {0})

-- name: matches
-- All words of the query, anywhere in the product.
EXISTS (SELECT FROM catalog.search_documents s
        WHERE s.product_id = p.id AND s.full_vector @@ websearch_to_tsquery('catalog.shop', {0}))

-- name: matches_title
-- Condition of tier 1.
s.title_vector @@ websearch_to_tsquery('catalog.shop', {0})

-- name: matches_title_without
-- The same where a word is excluded: it must not stand anywhere, also not outside the title. Costs as much again.
s.title_vector @@ websearch_to_tsquery('catalog.shop', {0})
AND s.full_vector @@ websearch_to_tsquery('catalog.shop', {0})

-- name: matches_elsewhere
-- Condition of tier 0.
s.full_vector @@ websearch_to_tsquery('catalog.shop', {0})
AND NOT s.title_vector @@ websearch_to_tsquery('catalog.shop', {0})
