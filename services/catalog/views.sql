-- name: add_views
-- Adds views to today's row of each product. In one order, so that two workers can't deadlock.
INSERT INTO catalog.product_views (day, product_id, views)
SELECT current_date, p.id, counted.views
FROM unnest($1::text[], $2::bigint[]) AS counted (slug, views)
JOIN catalog.products p ON p.slug = counted.slug
ORDER BY p.id
ON CONFLICT (day, product_id) DO UPDATE SET views = product_views.views + excluded.views
