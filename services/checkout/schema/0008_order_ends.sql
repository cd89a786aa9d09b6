-- migrate:up

-- As before, but the article is counted only while the card and the email are not beyond their own limits: one
-- dead card, tried again and again, says nothing about who else buys an article, and closed it to everybody.
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
  IF NOT EXISTS (SELECT FROM checkout.full_limit(
    ARRAY['order-declines', 'email-declines', 'card-declines'],
    ARRAY[bought.id::text, checkout.limit_key(bought.email), checkout.limit_key(count_decline.card)],
    ARRAY[1, count_decline.per_email, count_decline.per_card],
    array_fill(count_decline.window_seconds, ARRAY[3]))
  ) THEN
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

-- As before, but a refund that we took for failed without the gateway's word on it has succeeded when the
-- gateway says so: the money is gone. Where it has been given back once more meanwhile, that is a `mismatch`,
-- which a person must look at.
CREATE OR REPLACE FUNCTION checkout.settle_refund(
  refund_id uuid, gateway_id text, amount_minor bigint, becomes text, message text
) RETURNS text LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  refund checkout.refunds;
  given_back_minor bigint;
  taken_for_failed boolean;
BEGIN
  PERFORM FROM checkout.orders o
  WHERE o.id = (SELECT r.order_id FROM checkout.refunds r WHERE r.id = settle_refund.refund_id) FOR NO KEY UPDATE;
  SELECT r.* INTO refund FROM checkout.refunds r WHERE r.id = settle_refund.refund_id FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RETURN 'unknown';
  END IF;
  IF refund.amount_minor <> settle_refund.amount_minor OR refund.gateway_id <> settle_refund.gateway_id
     OR EXISTS (SELECT FROM checkout.refunds b WHERE b.gateway_id = settle_refund.gateway_id AND b.id <> refund.id) THEN
    RETURN 'mismatch';
  END IF;
  taken_for_failed := refund.state = 'failed' AND refund.gateway_id IS NULL AND becomes = 'succeeded';
  IF refund.state = becomes OR (refund.state = 'failed' AND NOT taken_for_failed) THEN
    RETURN 'repeated';
  END IF;
  IF taken_for_failed THEN
    UPDATE checkout.orders o SET refunded_minor = o.refunded_minor + refund.amount_minor
    WHERE o.id = refund.order_id AND o.refunded_minor + refund.amount_minor <= o.captured_minor;
    IF NOT FOUND THEN
      RETURN 'mismatch';
    END IF;
  END IF;
  UPDATE checkout.refunds r SET state = becomes, settled_at = now(), message = settle_refund.message,
    gateway_id = coalesce(r.gateway_id, settle_refund.gateway_id)
  WHERE r.id = refund.id;
  SELECT coalesce(sum(r.amount_minor), 0) INTO given_back_minor FROM checkout.refunds r
  WHERE r.order_id = refund.order_id AND r.state = 'succeeded';
  UPDATE checkout.orders o SET
    refunded_minor = o.refunded_minor - CASE becomes WHEN 'failed' THEN refund.amount_minor ELSE 0 END,
    status = CASE
      WHEN given_back_minor = o.captured_minor THEN 'refunded'
      WHEN o.ended_at IS NOT NULL OR o.stock = 'released' THEN 'refund_due'  -- called off, or paid in vain
      WHEN given_back_minor > 0 THEN 'partially_refunded'
      WHEN o.fulfilled_at IS NOT NULL THEN 'fulfilled'
      ELSE 'paid' END
  WHERE o.id = refund.order_id;
  IF becomes = 'succeeded' THEN
    PERFORM jobs.enqueue('checkout.send_refunded', jsonb_build_array(refund.id));
  END IF;
  RETURN becomes;
END $$;

-- As before, but the code that a paid order had used is free again with it: `uses` counts the orders that live.
CREATE OR REPLACE FUNCTION checkout.cancel_paid_order(order_id uuid, OUT cancelled boolean, OUT refund_id uuid)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  bought checkout.orders;
BEGIN
  SELECT o.* INTO bought FROM checkout.orders o WHERE o.id = cancel_paid_order.order_id FOR NO KEY UPDATE;
  cancelled := bought.status = 'paid' AND checkout.can_cancel(bought);
  IF cancelled THEN
    PERFORM checkout.give_back_discount(bought);  -- before the stock, as everybody does
    PERFORM checkout.move_stock(bought.id, 'returned');
    IF bought.captured_minor > bought.refunded_minor THEN  -- else all of it is on its way already
      refund_id := checkout.ask_refund(bought.id, bought.captured_minor - bought.refunded_minor, 'cancelled');
    END IF;
    UPDATE checkout.orders o SET ended_at = now(),
      status = CASE WHEN bought.captured_minor > 0 THEN 'refund_due' ELSE 'cancelled' END
    WHERE o.id = bought.id;
  END IF;
END $$;

-- Those that were called off before this.
UPDATE checkout.discounts d SET uses = greatest(0, d.uses - ended.orders)
FROM (SELECT b.code, count(*) AS orders FROM checkout.discounts b
      JOIN checkout.orders o ON o.discount_code = b.code AND o.created_at >= b.created_at AND o.stock = 'returned'
      GROUP BY b.code) ended
WHERE d.code = ended.code;

-- As before, but a cart that the shopper has changed since stays theirs: it is not what this order holds.
CREATE OR REPLACE FUNCTION checkout.revive_order(bought checkout.orders) RETURNS boolean LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
  UPDATE checkout.discounts d SET uses = d.uses + 1
  WHERE d.code = bought.discount_code AND d.created_at <= bought.created_at
    AND (d.uses_max IS NULL OR d.uses < d.uses_max);
  IF NOT FOUND AND EXISTS (SELECT FROM checkout.discounts d
                           WHERE d.code = bought.discount_code AND d.created_at <= bought.created_at) THEN
    RETURN false;
  END IF;
  PERFORM checkout.reserve_stock(bought.id);
  UPDATE checkout.orders o SET stock = 'reserved' WHERE o.id = bought.id;
  IF NOT checkout.move_stock(bought.id, 'taken') THEN
    RAISE EXCEPTION 'out-of-stock' USING ERRCODE = 'KIOSK';
  END IF;
  UPDATE checkout.carts c SET ordered_as = bought.id WHERE c.id = bought.cart_id AND NOT EXISTS (
    SELECT FROM (SELECT l.sku, l.quantity FROM checkout.cart_lines l WHERE l.cart_id = bought.cart_id) inside
    FULL JOIN (SELECT l.sku, l.quantity FROM checkout.order_lines l WHERE l.order_id = bought.id) ordered
      ON inside.sku = ordered.sku AND inside.quantity = ordered.quantity
    WHERE inside.sku IS NULL OR ordered.sku IS NULL);
  RETURN true;
EXCEPTION WHEN SQLSTATE 'KIOSK' THEN
  RETURN false;  -- sold to others meanwhile; what this block had changed is taken back
END $$;

-- migrate:down
-- Word for word as 0004 and 0006 made them: what a migration takes back must not lean on another file.
CREATE OR REPLACE FUNCTION checkout.revive_order(bought checkout.orders) RETURNS boolean LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
  UPDATE checkout.discounts d SET uses = d.uses + 1
  WHERE d.code = bought.discount_code AND d.created_at <= bought.created_at
    AND (d.uses_max IS NULL OR d.uses < d.uses_max);
  IF NOT FOUND AND EXISTS (SELECT FROM checkout.discounts d
                           WHERE d.code = bought.discount_code AND d.created_at <= bought.created_at) THEN
    RETURN false;
  END IF;
  PERFORM checkout.reserve_stock(bought.id);
  UPDATE checkout.orders o SET stock = 'reserved' WHERE o.id = bought.id;
  IF NOT checkout.move_stock(bought.id, 'taken') THEN
    RAISE EXCEPTION 'out-of-stock' USING ERRCODE = 'KIOSK';
  END IF;
  UPDATE checkout.carts c SET ordered_as = bought.id WHERE c.id = bought.cart_id;
  RETURN true;
EXCEPTION WHEN SQLSTATE 'KIOSK' THEN
  RETURN false;  -- sold to others meanwhile; what this block had changed is taken back
END $$;
CREATE OR REPLACE FUNCTION checkout.cancel_paid_order(order_id uuid, OUT cancelled boolean, OUT refund_id uuid)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  bought checkout.orders;
BEGIN
  SELECT o.* INTO bought FROM checkout.orders o WHERE o.id = cancel_paid_order.order_id FOR NO KEY UPDATE;
  cancelled := bought.status = 'paid' AND checkout.can_cancel(bought);
  IF cancelled THEN
    PERFORM checkout.move_stock(bought.id, 'returned');
    IF bought.captured_minor > bought.refunded_minor THEN  -- else all of it is on its way already
      refund_id := checkout.ask_refund(bought.id, bought.captured_minor - bought.refunded_minor, 'cancelled');
    END IF;
    UPDATE checkout.orders o SET ended_at = now(),
      status = CASE WHEN bought.captured_minor > 0 THEN 'refund_due' ELSE 'cancelled' END
    WHERE o.id = bought.id;
  END IF;
END $$;
CREATE OR REPLACE FUNCTION checkout.settle_refund(
  refund_id uuid, gateway_id text, amount_minor bigint, becomes text, message text
) RETURNS text LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  refund checkout.refunds;
  given_back_minor bigint;
BEGIN
  PERFORM FROM checkout.orders o
  WHERE o.id = (SELECT r.order_id FROM checkout.refunds r WHERE r.id = settle_refund.refund_id) FOR NO KEY UPDATE;
  SELECT r.* INTO refund FROM checkout.refunds r WHERE r.id = settle_refund.refund_id FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RETURN 'unknown';
  END IF;
  IF refund.amount_minor <> settle_refund.amount_minor OR refund.gateway_id <> settle_refund.gateway_id
     OR EXISTS (SELECT FROM checkout.refunds b WHERE b.gateway_id = settle_refund.gateway_id AND b.id <> refund.id) THEN
    RETURN 'mismatch';
  END IF;
  IF refund.state IN ('failed', becomes) THEN
    RETURN 'repeated';
  END IF;
  UPDATE checkout.refunds r SET state = becomes, settled_at = now(), message = settle_refund.message,
    gateway_id = coalesce(r.gateway_id, settle_refund.gateway_id)
  WHERE r.id = refund.id;
  SELECT coalesce(sum(r.amount_minor), 0) INTO given_back_minor FROM checkout.refunds r
  WHERE r.order_id = refund.order_id AND r.state = 'succeeded';
  UPDATE checkout.orders o SET
    refunded_minor = o.refunded_minor - CASE becomes WHEN 'failed' THEN refund.amount_minor ELSE 0 END,
    status = CASE
      WHEN given_back_minor = o.captured_minor THEN 'refunded'
      WHEN o.ended_at IS NOT NULL OR o.stock = 'released' THEN 'refund_due'  -- called off, or paid in vain
      WHEN given_back_minor > 0 THEN 'partially_refunded'
      WHEN o.fulfilled_at IS NOT NULL THEN 'fulfilled'
      ELSE 'paid' END
  WHERE o.id = refund.order_id;
  IF becomes = 'succeeded' THEN
    PERFORM jobs.enqueue('checkout.send_refunded', jsonb_build_array(refund.id));
  END IF;
  RETURN becomes;
END $$;
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
