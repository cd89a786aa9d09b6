-- migrate:up

-- The words of what was typed as a search query that forgives: each word stands for those of the
-- shop's dictionary that it may mean. The last one may be unfinished, so it stands for all that
-- begin with it; one that nothing begins with, or that is unknown, stands for its most similar.
-- Words that resemble nothing are left out. Null when none is left.
CREATE FUNCTION catalog.forgiving_query(typed text) RETURNS tsquery
LANGUAGE sql STABLE AS $$
  WITH words AS (
    SELECT word, place, place = max(place) OVER () AS unfinished
    FROM regexp_split_to_table(lower(public.unaccent(typed)), '[^[:alnum:]]+') WITH ORDINALITY t (word, place)
    WHERE word <> '' AND place <= 8
  ), meant AS (
    SELECT w.place, coalesce(known.any_of, similar_to.any_of) AS any_of
    FROM words w
    LEFT JOIN LATERAL (
      SELECT string_agg(quote_literal(d.word), ' | ') AS any_of
      FROM (SELECT d.word FROM catalog.words d
            WHERE d.word BETWEEN w.word AND w.word || CASE WHEN w.unfinished THEN U&'\+10FFFF' ELSE '' END
            ORDER BY length(d.word), d.word LIMIT 12) d
    ) known ON true
    LEFT JOIN LATERAL (
      SELECT string_agg(quote_literal(d.word), ' | ') AS any_of
      FROM (SELECT d.word FROM catalog.words d
            WHERE known.any_of IS NULL AND d.word OPERATOR(public.%) w.word
            ORDER BY public.similarity(d.word, w.word) DESC, d.word LIMIT 3) d
    ) similar_to ON true
  )
  SELECT to_tsquery('catalog.shop', string_agg('(' || any_of || ')', ' & ' ORDER BY place))
  FROM meant WHERE any_of IS NOT NULL
$$;

-- In plpgsql so that the query is known when the last statement is planned: a common word is then
-- found by walking down popularity, a rare one by its index.
CREATE FUNCTION catalog.suggest(typed text)
RETURNS TABLE (kind text, text text, slug text, image_url text, image_alt text)
LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_custom_plan
SET pg_trgm.similarity_threshold = 0.35 AS $$
DECLARE
  meant tsquery := catalog.forgiving_query(typed);
BEGIN
  IF meant IS NULL OR numnode(meant) = 0 THEN
    RETURN;
  END IF;
  RETURN QUERY
    SELECT s.kind, s.text, s.slug, s.image_url, s.image_alt
    FROM (
      SELECT 0 AS place, 'category' AS kind, c.name AS text, c.slug, NULL AS image_url, NULL AS image_alt, 0 AS popularity
      FROM catalog.categories c WHERE to_tsvector('catalog.shop', c.name) @@ meant
      ORDER BY length(c.name), c.name LIMIT 2
    ) s
    UNION ALL
    SELECT 'product', p.title, p.slug, p.image_url, p.image_alt
    FROM (
      SELECT d.product_id FROM catalog.search_documents d WHERE d.title_vector @@ meant
      ORDER BY d.popularity DESC, d.product_id DESC LIMIT 8
    ) best JOIN catalog.products p ON p.id = best.product_id
    LIMIT 8;
END $$;

-- migrate:down
