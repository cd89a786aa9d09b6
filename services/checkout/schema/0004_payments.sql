-- migrate:up

-- What we ask of the gateway is written down before it is asked: an attempt's id is the idempotency
-- key of its intent, a refund's id that of its refund. Neither key ever changes, so asking again
-- after a timeout charges nobody twice. Stripe keeps even a 500 under its key; only when it has shown
-- that it does (Idempotent-Replayed), and has no such object, is the next key number used.
CREATE TABLE checkout.payment_attempts (
  id            uuid PRIMARY KEY,
  order_id      uuid NOT NULL UNIQUE REFERENCES checkout.orders (id),
  provider      text NOT NULL,
  gateway_id    text UNIQUE,             -- null until the gateway has answered
  client_secret text,
  key_number    int NOT NULL DEFAULT 1,  -- rises only when the gateway has stored a failure under the key
  state         text NOT NULL CHECK (state IN ('preparing', 'ready', 'requires_action', 'settled', 'failed')),
  closed        boolean NOT NULL DEFAULT false,   -- the gateway takes no more money for it
  message       text,                    -- what the gateway said of the last try, fit for the shopper
  amount_minor  bigint NOT NULL CHECK (amount_minor >= 0),
  currency      char(3) NOT NULL,
  looked_at     timestamptz,             -- when the gateway was last asked
  created_at    timestamptz NOT NULL DEFAULT now(),
  settled_at    timestamptz
);
CREATE INDEX payment_attempts_open ON checkout.payment_attempts (created_at)
  WHERE state <> 'settled' AND NOT closed;

CREATE TABLE checkout.refunds (
  id           uuid PRIMARY KEY,
  order_id     uuid NOT NULL REFERENCES checkout.orders (id),
  amount_minor bigint NOT NULL CHECK (amount_minor > 0),
  reason       text,
  state        text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'succeeded', 'failed')),
  gateway_id   text UNIQUE,
  key_number   int NOT NULL DEFAULT 1,
  message      text,
  created_at   timestamptz NOT NULL DEFAULT now(),
  settled_at   timestamptz
);
CREATE INDEX refunds_order ON checkout.refunds (order_id);
CREATE INDEX refunds_pending ON checkout.refunds (created_at) WHERE state = 'pending';

-- The gateway's events, each once: its id and its effect commit together.
CREATE TABLE checkout.webhook_events (
  id          text PRIMARY KEY,
  type        text NOT NULL,
  object_id   text,                      -- the intent or refund it is about
  effect      text NOT NULL,             -- what came of it: settled, ignored, ...
  payload     jsonb NOT NULL,
  received_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX webhook_events_object ON checkout.webhook_events (object_id);
CREATE INDEX webhook_events_age ON checkout.webhook_events (received_at);

CREATE TABLE checkout.fulfilments (
  id              uuid PRIMARY KEY,
  order_id        uuid NOT NULL REFERENCES checkout.orders (id),
  position        int NOT NULL,          -- 1 for the order's first parcel
  carrier         text,
  tracking_number text,
  tracking_url    text,
  lines           jsonb NOT NULL,        -- [{"sku", "quantity"}]
  created_at      timestamptz NOT NULL DEFAULT now(),
  UNIQUE (order_id, position)
);

-- A mail is noted before it is sent: the mail server knows no idempotency keys, so a crash between
-- its yes and our note may send a second one, and nothing else can. Whoever sends it holds it for a
-- while, longer than sending can take; a sender that dies lets go by itself.
CREATE TABLE checkout.mails (
  id         uuid PRIMARY KEY DEFAULT uuidv7(),
  order_id   uuid NOT NULL REFERENCES checkout.orders (id),
  kind       text NOT NULL CHECK (kind IN ('receipt', 'shipped', 'refunded')),
  about      uuid NOT NULL,              -- the order, fulfilment or refund: one mail each
  message_id text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  held_until timestamptz NOT NULL,
  sent_at    timestamptz,
  error      text,                       -- what the last try ended with, until one succeeds
  UNIQUE (kind, about)
);

-- How the last real calls to the outside went, for /health. One row per dependency.
CREATE TABLE checkout.outside_calls (
  name           text PRIMARY KEY CHECK (name IN ('payment_gateway', 'mail')),
  succeeded_at   timestamptz,
  failed_at      timestamptz,
  failures       int NOT NULL DEFAULT 0, -- since the last success
  error          text,
  latency_ms     double precision
);
INSERT INTO checkout.outside_calls (name) VALUES ('payment_gateway'), ('mail');

-- What of it role health may read.
CREATE VIEW checkout.outside_health AS
SELECT name, succeeded_at AS last_success_at, failed_at AS last_failure_at, failures, error, latency_ms
FROM checkout.outside_calls;

-- Turns a cart into an order: claim, order, lines, reservation, payment attempt and follow-up jobs,
-- or nothing. `is_new` is false when the key had its order already; then only the order's id is told.
-- What speaks against the order is raised as SQLSTATE KIOSK: the message is the problem's slug, DETAIL
-- its facts as JSON. The rows that others wait for come last.
CREATE FUNCTION checkout.place_order(
  cart_id text, key text, fingerprint text, token text, expected_total_minor bigint,
  reserved_for interval, open_after interval, provider text, request_id text, traceparent text,
  OUT order_id uuid, OUT is_new boolean,
  OUT attempt_id uuid, OUT number bigint, OUT total_minor bigint, OUT currency text
) LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  cart record;
  totals record;
  lines record;
  missing text[];
BEGIN
  -- A twin of this request waits here until we commit, then finds our order.
  INSERT INTO checkout.idempotency_keys (scope, key, fingerprint, result_id)
  VALUES ('order', place_order.key, place_order.fingerprint, uuidv7()::text)
  ON CONFLICT DO NOTHING RETURNING result_id::uuid INTO order_id;
  is_new := FOUND;
  IF NOT is_new THEN
    SELECT k.result_id::uuid INTO order_id FROM checkout.idempotency_keys k
    WHERE k.scope = 'order' AND k.key = place_order.key AND k.fingerprint = place_order.fingerprint;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'idempotency-key-reused' USING ERRCODE = 'KIOSK', DETAIL = '{}';
    END IF;
    RETURN;
  END IF;

  SELECT c.* INTO cart FROM checkout.carts c
  WHERE c.id = place_order.cart_id AND (c.expires_at > now() OR c.ordered_as IS NOT NULL) FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'not-found' USING ERRCODE = 'KIOSK', DETAIL = '{}';
  END IF;
  IF cart.ordered_as IS NOT NULL THEN
    RAISE EXCEPTION 'cart-already-ordered' USING ERRCODE = 'KIOSK', DETAIL = (
      SELECT jsonb_build_object('token', o.token)::text FROM checkout.orders o WHERE o.id = cart.ordered_as);
  END IF;
  SELECT count(*) AS number, bool_or(l.quoted_until <= now()) AS stale,
         array_agg(l.sku ORDER BY l.sku) FILTER (WHERE NOT l.sold) AS gone
  INTO lines FROM checkout.cart_lines l WHERE l.cart_id = place_order.cart_id;
  IF lines.number = 0 THEN
    RAISE EXCEPTION 'cart-empty' USING ERRCODE = 'KIOSK', DETAIL = '{}';
  END IF;
  IF lines.gone IS NOT NULL THEN
    RAISE EXCEPTION 'out-of-stock' USING ERRCODE = 'KIOSK', DETAIL = jsonb_build_object('skus', lines.gone)::text;
  END IF;
  IF lines.stale THEN
    RAISE EXCEPTION 'prices-expired' USING ERRCODE = 'KIOSK', DETAIL = '{}';
  END IF;
  SELECT * INTO totals FROM checkout.cart_totals(place_order.cart_id);
  missing := array_remove(ARRAY[
    CASE WHEN cart.email IS NULL THEN 'email' END,
    CASE WHEN cart.shipping_address IS NULL OR totals.rate_basis_points IS NULL THEN 'shipping_address' END,
    CASE WHEN totals.shipping_minor IS NULL THEN 'shipping_method' END], NULL);
  IF cardinality(missing) > 0 THEN
    RAISE EXCEPTION 'cart-incomplete' USING ERRCODE = 'KIOSK', DETAIL = jsonb_build_object('missing', missing)::text;
  END IF;
  IF NOT totals.discount_holds THEN
    RAISE EXCEPTION 'discount-ended' USING ERRCODE = 'KIOSK', DETAIL = jsonb_build_object('code', cart.discount_code)::text;
  END IF;
  IF totals.total_minor <> expected_total_minor THEN
    RAISE EXCEPTION 'total-changed' USING ERRCODE = 'KIOSK', DETAIL = jsonb_build_object(
      'total', jsonb_build_object('amount', totals.total_minor, 'currency', cart.currency))::text;
  END IF;

  INSERT INTO checkout.orders (
    id, token, cart_id, status, stock, email, shipping_address, country, shipping_method, shipping_method_name,
    discount_code, currency, items_minor, discount_minor, shipping_minor, tax_minor, rate_basis_points, total_minor,
    reserved_until)
  VALUES (order_id, place_order.token, cart.id, 'pending_payment', 'reserved', cart.email, cart.shipping_address,
          cart.country, cart.shipping_method,
          coalesce((SELECT m.name FROM checkout.shipping_methods m WHERE m.code = cart.shipping_method),
                   cart.shipping_method),
          cart.discount_code, cart.currency, totals.items_minor, totals.discount_minor, totals.shipping_minor,
          totals.tax_minor, totals.rate_basis_points, totals.total_minor, now() + place_order.reserved_for)
  RETURNING orders.number, orders.total_minor, orders.currency INTO number, total_minor, currency;
  INSERT INTO checkout.order_lines (order_id, sku, position, quantity, price_minor, slug, title, attributes, image)
  SELECT place_order.order_id, l.sku, row_number() OVER (ORDER BY l.added_at, l.sku), l.quantity, l.price_minor,
         l.slug, l.title, l.attributes, l.image
  FROM checkout.cart_lines l WHERE l.cart_id = place_order.cart_id;
  attempt_id := uuidv7();
  INSERT INTO checkout.payment_attempts (id, order_id, provider, state, amount_minor, currency)
  VALUES (attempt_id, order_id, place_order.provider, 'preparing', totals.total_minor, cart.currency);
  UPDATE checkout.carts c SET ordered_as = order_id WHERE c.id = place_order.cart_id;
  PERFORM jobs.enqueue('checkout.expire_order', jsonb_build_array(order_id), run_at => now() + place_order.reserved_for,
                       request_id => place_order.request_id, traceparent => place_order.traceparent);
  IF totals.total_minor > 0 THEN
    PERFORM jobs.enqueue('checkout.open_payment', jsonb_build_array(attempt_id), run_at => now() + place_order.open_after,
                         request_id => place_order.request_id, traceparent => place_order.traceparent);
  END IF;
  IF cart.discount_code IS NOT NULL THEN
    UPDATE checkout.discounts d SET uses = d.uses + 1
    WHERE d.code = cart.discount_code AND (d.uses_max IS NULL OR d.uses < d.uses_max);
    IF NOT FOUND THEN  -- someone was faster with the last use
      RAISE EXCEPTION 'discount-ended' USING ERRCODE = 'KIOSK', DETAIL = jsonb_build_object('code', cart.discount_code)::text;
    END IF;
  END IF;
  PERFORM checkout.reserve_stock(order_id);
  IF totals.total_minor = 0 THEN  -- nothing to pay
    PERFORM checkout.settle_payment(attempt_id, NULL, 0, cart.currency);
  END IF;
END $$;

-- Asks for a refund of an order, at most what was captured and is not yet refunded. Null when that is
-- less. The gateway is asked by the job.
CREATE FUNCTION checkout.ask_refund(order_id uuid, amount_minor bigint, reason text, key uuid DEFAULT uuidv7())
RETURNS uuid LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
  UPDATE checkout.orders o SET refunded_minor = o.refunded_minor + ask_refund.amount_minor
  WHERE o.id = ask_refund.order_id AND o.refunded_minor + ask_refund.amount_minor <= o.captured_minor;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  INSERT INTO checkout.refunds (id, order_id, amount_minor, reason)
  VALUES (ask_refund.key, ask_refund.order_id, ask_refund.amount_minor, ask_refund.reason);
  PERFORM jobs.enqueue('checkout.send_refund', jsonb_build_array(ask_refund.key));
  RETURN ask_refund.key;
END $$;

-- An order that comes to nothing does not use its code. Another code of the same name, made since, is
-- not touched.
CREATE FUNCTION checkout.give_back_discount(bought checkout.orders) RETURNS void LANGUAGE sql
SET search_path = pg_catalog, pg_temp AS $$
  UPDATE checkout.discounts d SET uses = d.uses - 1
  WHERE d.code = bought.discount_code AND d.created_at <= bought.created_at AND d.uses > 0
$$;

-- The gateway has the money: the order is paid, its stock is taken, the receipt will be sent. Paid
-- after the order had expired: it gets its stock and its use of the code again if there still are, and
-- if its cart was not ordered anew; else the money goes back. Says what came of it: paid, refund_due,
-- repeated, or mismatch when amount or payment are not what we asked for, which a person must look at.
CREATE FUNCTION checkout.settle_payment(attempt_id uuid, gateway_id text, amount_minor bigint, currency text)
RETURNS text LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  attempt checkout.payment_attempts;
  bought checkout.orders;
  cart record;
  paid boolean := false;
BEGIN
  SELECT o.* INTO bought FROM checkout.payment_attempts a JOIN checkout.orders o ON o.id = a.order_id
  WHERE a.id = settle_payment.attempt_id;
  IF NOT FOUND THEN
    RETURN 'unknown';
  END IF;
  SELECT c.* INTO cart FROM checkout.carts c WHERE c.id = bought.cart_id FOR NO KEY UPDATE;
  SELECT o.* INTO bought FROM checkout.orders o WHERE o.id = bought.id FOR NO KEY UPDATE;
  SELECT a.* INTO attempt FROM checkout.payment_attempts a WHERE a.id = settle_payment.attempt_id FOR NO KEY UPDATE;
  IF attempt.amount_minor <> settle_payment.amount_minor OR attempt.currency <> upper(settle_payment.currency)
     OR attempt.gateway_id <> settle_payment.gateway_id
     OR EXISTS (SELECT FROM checkout.payment_attempts b
                WHERE b.gateway_id = settle_payment.gateway_id AND b.id <> attempt.id) THEN
    RETURN 'mismatch';
  END IF;
  IF attempt.state = 'settled' THEN
    RETURN 'repeated';
  END IF;
  UPDATE checkout.payment_attempts a
  SET state = 'settled', closed = true, settled_at = now(), message = NULL,
      gateway_id = coalesce(settle_payment.gateway_id, a.gateway_id)
  WHERE a.id = attempt.id;
  UPDATE checkout.orders o SET captured_minor = settle_payment.amount_minor WHERE o.id = bought.id;
  IF bought.status = 'pending_payment' THEN
    -- Before the stock, as everybody does; it may have to be given back.
    PERFORM FROM checkout.discounts d WHERE d.code = bought.discount_code FOR NO KEY UPDATE;
    paid := checkout.move_stock(bought.id, 'taken');
    IF NOT paid THEN
      PERFORM checkout.give_back_discount(bought);
      PERFORM checkout.move_stock(bought.id, 'released');
    END IF;
  ELSIF bought.status = 'expired' AND coalesce(cart.ordered_as, bought.id) = bought.id THEN
    paid := checkout.revive_order(bought);
  END IF;
  IF paid THEN
    UPDATE checkout.orders o SET status = 'paid', paid_at = now(), ended_at = NULL WHERE o.id = bought.id;
    PERFORM jobs.enqueue('checkout.send_receipt', jsonb_build_array(bought.id));
    RETURN 'paid';
  END IF;
  UPDATE checkout.orders o SET status = 'refund_due' WHERE o.id = bought.id;
  PERFORM checkout.ask_refund(bought.id, settle_payment.amount_minor, 'paid too late');
  RETURN 'refund_due';
END $$;

-- An expired order whose money has come takes again what it gave back. False, and nothing changed, when
-- others have it by now. A code that the shopkeeper has taken away stands in nobody's way.
CREATE FUNCTION checkout.revive_order(bought checkout.orders) RETURNS boolean LANGUAGE plpgsql
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

-- The gateway has answered a refund: the order's status follows, and the shopper is told; a failed one
-- gives its amount back to what can be refunded. One that succeeded may still fail, when the bank sends
-- the money back (https://docs.stripe.com/refunds#failed-refunds); one that failed stays so. Says what
-- came of it: succeeded, failed, repeated, unknown, or mismatch when amount (null: the gateway tells of
-- none) or id are not what we know.
CREATE FUNCTION checkout.settle_refund(
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

-- An unpaid order ends: its stock, its discount and its cart are free again. False when it is not
-- unpaid any more.
CREATE FUNCTION checkout.end_unpaid_order(order_id uuid, becomes text) RETURNS boolean LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  ended checkout.orders;
BEGIN
  PERFORM FROM checkout.carts c WHERE c.ordered_as = end_unpaid_order.order_id
    AND c.id = (SELECT o.cart_id FROM checkout.orders o WHERE o.id = end_unpaid_order.order_id) FOR NO KEY UPDATE;
  UPDATE checkout.orders o SET status = becomes, ended_at = now()
  WHERE o.id = end_unpaid_order.order_id AND o.status = 'pending_payment' RETURNING o.* INTO ended;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  UPDATE checkout.carts c SET ordered_as = NULL, expires_at = greatest(c.expires_at, now() + interval '1 day')
  WHERE c.id = ended.cart_id AND c.ordered_as = ended.id;
  PERFORM checkout.give_back_discount(ended);
  PERFORM checkout.move_stock(ended.id, 'released');
  RETURN true;
END $$;

-- A paid order of which nothing has left is called off: its stock returns and its money goes back.
CREATE FUNCTION checkout.cancel_paid_order(order_id uuid, OUT cancelled boolean, OUT refund_id uuid)
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

GRANT USAGE ON SCHEMA checkout TO kiosk_health;
GRANT SELECT ON checkout.outside_health TO kiosk_health;

-- migrate:down
DROP FUNCTION checkout.cancel_paid_order;
DROP FUNCTION checkout.end_unpaid_order;
DROP FUNCTION checkout.settle_refund;
DROP FUNCTION checkout.revive_order;
DROP FUNCTION checkout.settle_payment;
DROP FUNCTION checkout.give_back_discount;
DROP FUNCTION checkout.ask_refund;
DROP FUNCTION checkout.place_order;
DROP VIEW checkout.outside_health;
DROP TABLE checkout.outside_calls, checkout.mails, checkout.fulfilments, checkout.webhook_events, checkout.refunds,
           checkout.payment_attempts;
