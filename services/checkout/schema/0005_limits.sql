-- migrate:up

-- What must be limited even while Redis is away: guesses at discount codes, and declined cards. A window
-- begins with the first try it counts. `who` is a hash, but for orders, articles and addresses.
CREATE TABLE checkout.limit_counts (
  rule     text NOT NULL,
  who      text NOT NULL,
  seconds  int NOT NULL CHECK (seconds > 0),
  count    int NOT NULL DEFAULT 0 CHECK (count >= 0),
  began_at timestamptz NOT NULL DEFAULT now(),
  ends_at  timestamptz NOT NULL,
  PRIMARY KEY (rule, who, seconds)
);
CREATE INDEX limit_counts_end ON checkout.limit_counts (ends_at);

-- Which declined charges have been counted: webhooks and our own looks tell of the same one.
CREATE TABLE checkout.declines (
  charge      text PRIMARY KEY,
  declined_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX declines_age ON checkout.declines (declined_at);

-- The counter that is full and stays so the longest: no row when none is.
CREATE FUNCTION checkout.full_limit(rules text[], whos text[], limits int[], seconds int[])
RETURNS TABLE (refused_by text, refused_limit int, refused_seconds int, wait_seconds double precision)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT a.rule, a.most, a.seconds, extract(epoch FROM c.ends_at - clock_timestamp())::float8
  FROM unnest(full_limit.rules, full_limit.whos, full_limit.limits, full_limit.seconds) a (rule, who, most, seconds)
  JOIN checkout.limit_counts c USING (rule, who, seconds)
  WHERE c.count >= a.most AND c.ends_at > clock_timestamp()
  ORDER BY c.ends_at DESC LIMIT 1
$$;

-- One try more on each counter, in one order for all who lock them; a window that is over begins anew.
CREATE FUNCTION checkout.add_to_limits(rules text[], whos text[], seconds int[], tries int) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
  INSERT INTO checkout.limit_counts AS c (rule, who, seconds, count, ends_at)
  SELECT a.rule, a.who, a.seconds, tries, clock_timestamp() + make_interval(secs => a.seconds)
  FROM unnest(add_to_limits.rules, add_to_limits.whos, add_to_limits.seconds) a (rule, who, seconds)
  ORDER BY a.rule COLLATE "C", a.who COLLATE "C", a.seconds
  ON CONFLICT (rule, who, seconds) DO UPDATE SET
    count = CASE WHEN c.ends_at > clock_timestamp() THEN c.count ELSE 0 END + add_to_limits.tries,
    began_at = CASE WHEN c.ends_at > clock_timestamp() THEN c.began_at ELSE clock_timestamp() END,
    ends_at = CASE WHEN c.ends_at > clock_timestamp() THEN c.ends_at ELSE excluded.ends_at END
$$;

-- Charges a try before it is looked at, so that it is exact however many come at once: on all counters, or
-- on none and the row of the one that is full.
CREATE FUNCTION checkout.take_limits(rules text[], whos text[], limits int[], seconds int[])
RETURNS TABLE (refused_by text, refused_limit int, refused_seconds int, wait_seconds double precision)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
  PERFORM checkout.add_to_limits(take_limits.rules, take_limits.whos, take_limits.seconds, 0);  -- locks them
  RETURN QUERY SELECT * FROM checkout.full_limit(
    take_limits.rules, take_limits.whos, take_limits.limits, take_limits.seconds);
  IF NOT FOUND THEN
    PERFORM checkout.add_to_limits(take_limits.rules, take_limits.whos, take_limits.seconds, 1);
  END IF;
END $$;

-- How an email, or a card's fingerprint, stands in the counters.
CREATE FUNCTION checkout.limit_key(text text) RETURNS text LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp AS $$
  SELECT left(encode(sha256(convert_to(lower(limit_key.text), 'UTF8')), 'hex'), 32)
$$;

-- A card was declined: counted once per charge, by order, card, email and article. An order whose buyer has
-- had enough tries is over: its time ends, and the job that ends it has the gateway take no more cards. Says
-- whether it was new. Locks the order first, as everybody does who also locks its payment.
CREATE FUNCTION checkout.count_decline(
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

-- migrate:down
DROP FUNCTION checkout.count_decline;
DROP FUNCTION checkout.limit_key;
DROP FUNCTION checkout.take_limits;
DROP FUNCTION checkout.add_to_limits;
DROP FUNCTION checkout.full_limit;
DROP TABLE checkout.declines, checkout.limit_counts;
