-- migrate:up

-- Counts an order that has just been placed for its email, in every window; raises `limited` where one is full,
-- which takes the order back. So only orders that are placed are counted, and exactly. Called last: whoever
-- orders with the same email waits here.
CREATE FUNCTION checkout.charge_order(order_id uuid, limits int[], seconds int[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  windows int[] := ARRAY[cardinality(charge_order.limits)];
  rules text[] := array_fill('email-orders'::text, windows);
  whos text[] := array_fill((
    SELECT checkout.limit_key(o.email) FROM checkout.orders o WHERE o.id = charge_order.order_id), windows);
  refused record;
BEGIN
  PERFORM checkout.add_to_limits(rules, whos, charge_order.seconds, 1);
  -- With this one there may be as many as the limit, so full is one more.
  SELECT f.* INTO refused FROM checkout.full_limit(
    rules, whos, ARRAY(SELECT most + 1 FROM unnest(charge_order.limits) most), charge_order.seconds) f;
  IF FOUND THEN
    RAISE EXCEPTION 'limited' USING ERRCODE = 'KIOSK', DETAIL = jsonb_build_object(
      'rule', refused.refused_by, 'limit', refused.refused_limit - 1, 'seconds', refused.refused_seconds,
      'wait_seconds', greatest(1, ceil(refused.wait_seconds)::int))::text;
  END IF;
END $$;

-- migrate:down
DROP FUNCTION checkout.charge_order;
