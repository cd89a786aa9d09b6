-- migrate:up

-- One row per request that must count once. It is written in the transaction of its effect and names
-- what came of it, so a replay finds the result or nothing happened at all.
CREATE TABLE checkout.idempotency_keys (
  scope       text NOT NULL,             -- the kind of request
  key         text NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
  fingerprint text NOT NULL,             -- of the request: the same key with another one is a mistake
  result_id   text NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (scope, key)
);
CREATE INDEX idempotency_keys_age ON checkout.idempotency_keys (created_at);

-- An order is a cart as it was. Its token is the key to it: 192 random bits.
CREATE TABLE checkout.orders (
  id                   uuid PRIMARY KEY,
  number               bigint GENERATED ALWAYS AS IDENTITY (START WITH 100001) UNIQUE,
  token                text NOT NULL UNIQUE,
  cart_id              text NOT NULL,    -- carts are swept away in time, orders are not
  status               text NOT NULL CHECK (status IN ('pending_payment', 'paid', 'fulfilled', 'cancelled',
                         'expired', 'refunded', 'partially_refunded', 'refund_due')),
  stock                text NOT NULL CHECK (stock IN ('reserved', 'taken', 'released', 'returned')),
  email                text NOT NULL,
  shipping_address     jsonb NOT NULL CHECK (jsonb_typeof(shipping_address) = 'object'),
  country              char(2) NOT NULL,
  shipping_method      text NOT NULL,
  shipping_method_name text NOT NULL,
  discount_code        text,
  currency             char(3) NOT NULL,
  items_minor          bigint NOT NULL CHECK (items_minor >= 0),
  discount_minor       bigint NOT NULL CHECK (discount_minor BETWEEN 0 AND items_minor),
  shipping_minor       bigint NOT NULL CHECK (shipping_minor >= 0),
  tax_minor            bigint NOT NULL CHECK (tax_minor BETWEEN 0 AND total_minor),
  rate_basis_points    int NOT NULL,
  total_minor          bigint NOT NULL CHECK (total_minor = items_minor - discount_minor + shipping_minor),
  captured_minor       bigint NOT NULL DEFAULT 0 CHECK (captured_minor >= 0),
  refunded_minor       bigint NOT NULL DEFAULT 0 CHECK (refunded_minor BETWEEN 0 AND captured_minor), -- asked for or done
  reserved_until       timestamptz NOT NULL,
  created_at           timestamptz NOT NULL DEFAULT now(),
  paid_at              timestamptz,
  ended_at             timestamptz,      -- cancelled or expired
  fulfilled_at         timestamptz
) WITH (fillfactor = 80);
CREATE INDEX orders_status ON checkout.orders (status, number DESC);
CREATE INDEX orders_email ON checkout.orders (lower(email), number DESC);
CREATE INDEX orders_unpaid ON checkout.orders (reserved_until) WHERE status = 'pending_payment';

CREATE TABLE checkout.order_lines (
  order_id    uuid NOT NULL REFERENCES checkout.orders (id),
  sku         text NOT NULL,
  position    int NOT NULL,
  quantity    int NOT NULL CHECK (quantity > 0),
  fulfilled   int NOT NULL DEFAULT 0 CHECK (fulfilled BETWEEN 0 AND quantity),
  price_minor bigint NOT NULL CHECK (price_minor >= 0),
  slug        text NOT NULL,
  title       text NOT NULL,
  attributes  jsonb NOT NULL,
  image       jsonb,
  PRIMARY KEY (order_id, sku)
);

CREATE FUNCTION checkout.money(amount_minor bigint, currency text) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN jsonb_build_object('amount', amount_minor, 'currency', currency);

-- A shopper may call an order off until something of it has left.
CREATE FUNCTION checkout.can_cancel(bought checkout.orders) RETURNS boolean LANGUAGE sql STABLE
RETURN (bought).status = 'pending_payment' OR ((bought).status = 'paid' AND NOT EXISTS (
  SELECT FROM checkout.order_lines l WHERE l.order_id = (bought).id AND l.fulfilled > 0));

-- Holds an order's lines in stock, or raises out-of-stock with every SKU that is short. SKUs are
-- locked in order, so two orders for the same things can't wait for each other.
CREATE FUNCTION checkout.reserve_stock(order_id uuid) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  line record;
  skus text[] := '{}';
  short text[] := '{}';
BEGIN
  FOR line IN
    SELECT l.sku, l.quantity FROM checkout.order_lines l WHERE l.order_id = reserve_stock.order_id
    ORDER BY l.sku COLLATE "C"
  LOOP
    UPDATE checkout.stock_levels s SET reserved = s.reserved + line.quantity, version = s.version + 1
    WHERE s.sku = line.sku AND s.level - s.reserved >= line.quantity;
    IF NOT FOUND THEN
      short := short || line.sku;
    END IF;
    skus := skus || line.sku;
  END LOOP;
  IF cardinality(short) > 0 THEN
    RAISE EXCEPTION 'out-of-stock' USING ERRCODE = 'KIOSK', DETAIL = jsonb_build_object('skus', short)::text;
  END IF;
  PERFORM checkout.tell_catalog(skus);
END $$;

-- An order's stock goes from one state to the next: `reserved` to `released` or `taken`, `taken` to
-- `returned`. False, and nothing changed, when the order is in another state, or when the shelf holds
-- less than was reserved (the shopkeeper counted and found less).
CREATE FUNCTION checkout.move_stock(order_id uuid, becomes text) RETURNS boolean LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  was text := CASE move_stock.becomes WHEN 'returned' THEN 'taken' ELSE 'reserved' END;
  skus text[];
BEGIN
  PERFORM FROM checkout.orders o WHERE o.id = move_stock.order_id AND o.stock = was FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  SELECT array_agg(l.sku ORDER BY l.sku COLLATE "C") INTO skus
  FROM checkout.order_lines l WHERE l.order_id = move_stock.order_id;
  PERFORM FROM checkout.stock_levels s WHERE s.sku = ANY (skus) ORDER BY s.sku COLLATE "C" FOR NO KEY UPDATE;
  IF becomes = 'taken' AND EXISTS (
    SELECT FROM checkout.order_lines l JOIN checkout.stock_levels s ON s.sku = l.sku
    WHERE l.order_id = move_stock.order_id AND s.level < l.quantity
  ) THEN
    RETURN false;
  END IF;
  IF was = 'reserved' THEN
    UPDATE checkout.stock_levels s SET reserved = s.reserved - l.quantity, version = s.version + 1
    FROM checkout.order_lines l WHERE l.order_id = move_stock.order_id AND s.sku = l.sku;
  END IF;
  IF becomes IN ('taken', 'returned') THEN
    INSERT INTO checkout.stock_movements (sku, delta, kind, order_id)
    SELECT l.sku, CASE becomes WHEN 'taken' THEN -l.quantity ELSE l.quantity END,
           CASE becomes WHEN 'taken' THEN 'sale' ELSE 'return' END, l.order_id
    FROM checkout.order_lines l WHERE l.order_id = move_stock.order_id ORDER BY l.sku COLLATE "C";
  END IF;
  UPDATE checkout.orders o SET stock = becomes WHERE o.id = move_stock.order_id;
  PERFORM checkout.tell_catalog(skus);
  RETURN true;
END $$;

-- migrate:down
DROP FUNCTION checkout.can_cancel, checkout.money;
DROP FUNCTION checkout.move_stock;
DROP FUNCTION checkout.reserve_stock;
DROP TABLE checkout.order_lines, checkout.orders, checkout.idempotency_keys;
