-- name: parents
-- Which of these categories there are, and under which each hangs.
SELECT c.slug, above.slug AS parent FROM catalog.categories c
LEFT JOIN catalog.categories above ON above.id = c.parent_id
WHERE c.slug = ANY ($1::text[])

-- name: create
-- New categories of one depth behind their siblings, in the order given; those above are there already.
INSERT INTO catalog.categories (parent_id, slug, name, position)
SELECT above.id, new.slug, new.name, new.place + coalesce(
  (SELECT max(s.position) FROM catalog.categories s WHERE s.parent_id IS NOT DISTINCT FROM above.id), -1)
FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS new (parent, slug, name, place)
LEFT JOIN catalog.categories above ON above.slug = new.parent
