-- migrate:up

-- Why there is what there is: every unit that came or went, for ever. Nothing here is changed or
-- deleted; a mistake is mended by another movement.
CREATE TABLE checkout.stock_movements (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  sku        text NOT NULL CHECK (sku ~ '^[A-Za-z0-9._-]{1,64}$'),
  delta      int NOT NULL CHECK (delta <> 0),
  kind       text NOT NULL CHECK (kind IN ('initial', 'adjustment', 'sale', 'return')),
  reason     text,
  order_id   uuid,                                  -- of a sale or return
  created_at timestamptz NOT NULL DEFAULT now(),
  CHECK ((kind IN ('sale', 'return')) = (order_id IS NOT NULL))
);
CREATE INDEX stock_movements_sku ON checkout.stock_movements (sku, id DESC);
-- An order takes a SKU once and gives it back once, however often someone tries.
CREATE UNIQUE INDEX stock_movements_once ON checkout.stock_movements (order_id, sku, kind) WHERE order_id IS NOT NULL;
REVOKE UPDATE, DELETE, TRUNCATE ON checkout.stock_movements FROM kiosk_checkout;

-- One narrow row per SKU, the row that buyers queue for. `level` is the sum of the movements: a
-- trigger writes it, nobody else. `reserved` is what unpaid orders hold. `version` rises with every
-- change of either, so that catalog can tell the newer of two words (catalog.variants.stock_version).
CREATE TABLE checkout.stock_levels (
  sku      text PRIMARY KEY CHECK (sku ~ '^[A-Za-z0-9._-]{1,64}$'),
  level    int NOT NULL DEFAULT 0 CHECK (level >= 0),
  reserved int NOT NULL DEFAULT 0 CHECK (reserved >= 0),
  version  bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

CREATE FUNCTION checkout.apply_stock_movement() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  UPDATE checkout.stock_levels s SET level = s.level + NEW.delta, version = s.version + 1 WHERE s.sku = NEW.sku;
  IF NOT FOUND THEN
    INSERT INTO checkout.stock_levels AS s (sku, level, version) VALUES (NEW.sku, NEW.delta, 1)
    ON CONFLICT (sku) DO UPDATE SET level = s.level + NEW.delta, version = s.version + 1;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER stock_movements_apply AFTER INSERT ON checkout.stock_movements
  FOR EACH ROW EXECUTE FUNCTION checkout.apply_stock_movement();

-- Hands catalog the present word on these SKUs by a durable job, in the caller's transaction.
CREATE FUNCTION checkout.tell_catalog(skus text[]) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  told jsonb := (
    SELECT jsonb_agg(jsonb_build_object(
             'sku', s.sku, 'available', greatest(0, s.level - s.reserved), 'version', s.version))
    FROM checkout.stock_levels s WHERE s.sku = ANY (tell_catalog.skus));
BEGIN
  IF told IS NOT NULL THEN
    PERFORM jobs.enqueue('catalog.refresh_availability', jsonb_build_array(told));
  END IF;
END $$;

-- migrate:down
DROP FUNCTION checkout.tell_catalog;
DROP TABLE checkout.stock_movements, checkout.stock_levels;
DROP FUNCTION checkout.apply_stock_movement;
