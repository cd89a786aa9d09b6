-- name: anything_seen
-- Whether anything was looked at in so many days.
SELECT EXISTS (SELECT FROM catalog.product_views WHERE day > current_date - $1::int)

-- name: rank_batch
-- The next products after id $1 get the popularity that the last $3 days have given them, in both places where
-- it stands. Of two significant digits: a product seen 1,234 times is as popular as one seen 1,190 times, and
-- need not be written. One that somebody is working on is passed over until tomorrow. Says where the batch
-- ended (null: there was none) and how many products have changed.
WITH batch AS (
  SELECT id, popularity FROM catalog.products WHERE id > $1 ORDER BY id LIMIT $2
), bounds AS (
  SELECT min(id) AS first, max(id) AS last FROM batch
), seen AS (
  SELECT v.product_id, sum(v.views) AS views
  FROM bounds, generate_series(0, $3::int - 1) AS ago (days)
  JOIN LATERAL (
    SELECT w.product_id, w.views FROM catalog.product_views w
    WHERE w.day = current_date - ago.days AND w.product_id BETWEEN bounds.first AND bounds.last
  ) v ON true
  GROUP BY v.product_id
), ranked AS (
  SELECT b.id, least(round(coalesce(s.views, 0), 1 - floor(log(greatest(coalesce(s.views, 0), 1)))::int),
                     2147483647)::int AS popularity
  FROM batch b LEFT JOIN seen s ON s.product_id = b.id
), held AS (
  SELECT p.id, r.popularity FROM ranked r JOIN catalog.products p ON p.id = r.id
  WHERE p.popularity <> r.popularity ORDER BY p.id FOR NO KEY UPDATE OF p SKIP LOCKED
), written AS (
  UPDATE catalog.products p SET popularity = h.popularity FROM held h WHERE p.id = h.id RETURNING p.id
), found AS (
  UPDATE catalog.search_documents d SET popularity = h.popularity FROM held h WHERE d.product_id = h.id
)
SELECT (SELECT last FROM bounds) AS last, (SELECT count(*) FROM written) AS changed

-- name: forget_days
-- Views of days that count no more, at most $2 rows.
WITH old AS (
  SELECT day, product_id FROM catalog.product_views WHERE day <= current_date - $1::int
  ORDER BY day, product_id LIMIT $2
), forgotten AS (
  DELETE FROM catalog.product_views v USING old
  WHERE v.day = old.day AND v.product_id = old.product_id RETURNING 1
)
SELECT count(*) FROM forgotten
