-- name: suggest
-- Up to 8 suggestions for what was typed; the work is in catalog.suggest().
SELECT kind, text, slug, image_url, image_alt FROM catalog.suggest($1)
