-- migrate:up

-- What an order counts for when its cards are declined: one article, for who tests cards takes the cheapest
-- there is. Were it all of them, few orders of many articles would close many articles to everybody.
CREATE FUNCTION checkout.article_of(order_id uuid) RETURNS text LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
  SELECT l.slug FROM checkout.order_lines l WHERE l.order_id = article_of.order_id
  ORDER BY l.price_minor, l.slug COLLATE "C" LIMIT 1
$$;

-- As before, but for the article: of each order it counts one decline, the first. Beside it stand the paid
-- orders of the same hour, in the row `product-payments`.
CREATE OR REPLACE FUNCTION checkout.count_decline(
  attempt_id uuid, charge text, card text, per_order int, per_card int, per_email int, window_seconds int
) RETURNS boolean LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  bought checkout.orders;
  rules text[];
  whos text[];
  windows int[];
  article text;
BEGIN
  SELECT o.* INTO bought FROM checkout.orders o
  JOIN checkout.payment_attempts a ON a.order_id = o.id
  WHERE a.id = count_decline.attempt_id FOR NO KEY UPDATE OF o;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  INSERT INTO checkout.declines (charge) VALUES (count_decline.charge) ON CONFLICT DO NOTHING;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  IF NOT EXISTS (SELECT FROM checkout.limit_counts c
                 WHERE c.rule = 'order-declines' AND c.who = bought.id::text AND c.count > 0) THEN
    article := checkout.article_of(bought.id);
  END IF;
  SELECT array_agg(k.rule), array_agg(k.who), array_agg(count_decline.window_seconds) INTO rules, whos, windows
  FROM (
    SELECT 'order-declines' AS rule, bought.id::text AS who
    UNION ALL SELECT 'email-declines', checkout.limit_key(bought.email)
    UNION ALL SELECT 'card-declines', checkout.limit_key(count_decline.card) WHERE count_decline.card IS NOT NULL
    UNION ALL SELECT 'product-declines', article WHERE article IS NOT NULL
  ) k;
  PERFORM checkout.add_to_limits(rules, whos, windows, 1);
  IF article IS NOT NULL THEN  -- what is paid meanwhile is counted beside it
    PERFORM checkout.add_to_limits(
      ARRAY['product-payments'], ARRAY[article], ARRAY[count_decline.window_seconds], 0);
  END IF;
  IF bought.status = 'pending_payment' AND EXISTS (
    SELECT FROM checkout.full_limit(
      ARRAY['order-declines', 'email-declines', 'card-declines'],
      ARRAY[bought.id::text, checkout.limit_key(bought.email), checkout.limit_key(count_decline.card)],
      ARRAY[count_decline.per_order, count_decline.per_email, count_decline.per_card],
      array_fill(count_decline.window_seconds, ARRAY[3]))
  ) THEN
    UPDATE checkout.orders o SET reserved_until = least(o.reserved_until, now()) WHERE o.id = bought.id;
    PERFORM jobs.enqueue('checkout.expire_order', jsonb_build_array(bought.id));
  END IF;
  RETURN true;
END $$;

-- As settle_payment; a payment that was taken counts for its article where declined ones are counted just now.
CREATE FUNCTION checkout.settle_and_count(
  attempt_id uuid, gateway_id text, amount_minor bigint, currency text, window_seconds int
) RETURNS text LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  effect text := checkout.settle_payment(attempt_id, gateway_id, amount_minor, currency);
BEGIN
  IF effect = 'paid' THEN
    UPDATE checkout.limit_counts c SET count = c.count + 1
    FROM checkout.payment_attempts a
    WHERE a.id = settle_and_count.attempt_id AND c.rule = 'product-payments'
      AND c.who = checkout.article_of(a.order_id) AND c.seconds = settle_and_count.window_seconds
      AND c.ends_at > clock_timestamp();
  END IF;
  RETURN effect;
END $$;

-- migrate:down
DROP FUNCTION checkout.settle_and_count;
-- Word for word as 0005 made it: what a migration takes back must not lean on another file.
CREATE OR REPLACE FUNCTION checkout.count_decline(
  attempt_id uuid, charge text, card text, per_order int, per_card int, per_email int, window_seconds int
) RETURNS boolean LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  bought checkout.orders;
  rules text[];
  whos text[];
  windows int[];
BEGIN
  SELECT o.* INTO bought FROM checkout.orders o
  JOIN checkout.payment_attempts a ON a.order_id = o.id
  WHERE a.id = count_decline.attempt_id FOR NO KEY UPDATE OF o;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  INSERT INTO checkout.declines (charge) VALUES (count_decline.charge) ON CONFLICT DO NOTHING;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  SELECT array_agg(k.rule), array_agg(k.who), array_agg(count_decline.window_seconds) INTO rules, whos, windows
  FROM (
    SELECT 'order-declines' AS rule, bought.id::text AS who
    UNION ALL SELECT 'email-declines', checkout.limit_key(bought.email)
    UNION ALL SELECT 'card-declines', checkout.limit_key(count_decline.card) WHERE count_decline.card IS NOT NULL
    UNION ALL SELECT DISTINCT 'product-declines', l.slug FROM checkout.order_lines l WHERE l.order_id = bought.id
  ) k;
  PERFORM checkout.add_to_limits(rules, whos, windows, 1);
  IF bought.status = 'pending_payment' AND EXISTS (
    SELECT FROM checkout.full_limit(
      ARRAY['order-declines', 'email-declines', 'card-declines'],
      ARRAY[bought.id::text, checkout.limit_key(bought.email), checkout.limit_key(count_decline.card)],
      ARRAY[count_decline.per_order, count_decline.per_email, count_decline.per_card],
      array_fill(count_decline.window_seconds, ARRAY[3]))
  ) THEN
    UPDATE checkout.orders o SET reserved_until = least(o.reserved_until, now()) WHERE o.id = bought.id;
    PERFORM jobs.enqueue('checkout.expire_order', jsonb_build_array(bought.id));
  END IF;
  RETURN true;
END $$;
DROP FUNCTION checkout.article_of;
