-- name: slug_ranges
-- The id ranges of $1 ids each in which there are published products: from one range's beginning
-- straight to the next product beyond it, so gaps cost nothing.
WITH RECURSIVE parts (part) AS (
  (SELECT id / $1 FROM catalog.products WHERE published_at IS NOT NULL ORDER BY id LIMIT 1)
  UNION ALL
  SELECT following.part FROM parts CROSS JOIN LATERAL (
    SELECT id / $1 AS part FROM catalog.products
    WHERE id >= (parts.part + 1) * $1 AND published_at IS NOT NULL ORDER BY id LIMIT 1
  ) following
)
SELECT part * $1 AS first_id, part * $1 + $1 - 1 AS last_id FROM parts LIMIT 50000

-- name: slugs
-- Published products of a range of ids, in their order.
SELECT id, slug, updated_at FROM catalog.products
WHERE id BETWEEN $1 AND $2 AND published_at IS NOT NULL ORDER BY id LIMIT $3
