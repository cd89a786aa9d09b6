-- migrate:up

-- What the shop charges beside its goods. A country without a tax rate is not delivered to.
CREATE TABLE checkout.tax_rates (
  country           char(2) PRIMARY KEY CHECK (country ~ '^[A-Z]{2}$'),  -- ISO 3166-1
  rate_basis_points int NOT NULL CHECK (rate_basis_points BETWEEN 0 AND 9999)  -- 1900 is 19 %, within the price
);

CREATE TABLE checkout.shipping_methods (
  code     text PRIMARY KEY CHECK (code ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
  name     text NOT NULL CHECK (name <> ''),
  position int NOT NULL DEFAULT 0
);

-- A method's prices in a country: the first row whose limit holds the cart's weight.
CREATE TABLE checkout.shipping_rates (
  method           text NOT NULL REFERENCES checkout.shipping_methods (code) ON DELETE CASCADE,
  country          char(2) NOT NULL REFERENCES checkout.tax_rates (country) ON DELETE CASCADE,
  weight_max_grams int NOT NULL CHECK (weight_max_grams > 0),
  price_minor      bigint NOT NULL CHECK (price_minor >= 0),
  PRIMARY KEY (country, method, weight_max_grams)
);

-- A percentage off the goods. `uses` counts orders that live; an unpaid one that ends gives its use back.
CREATE TABLE checkout.discounts (
  code                 text PRIMARY KEY CHECK (code ~ '^[A-Z0-9_-]{1,40}$'),
  percent_basis_points int NOT NULL CHECK (percent_basis_points BETWEEN 1 AND 10000),
  minimum_minor        bigint NOT NULL DEFAULT 0 CHECK (minimum_minor >= 0),
  starts_at            timestamptz,
  ends_at              timestamptz,
  uses_max             int CHECK (uses_max > 0),
  uses                 int NOT NULL DEFAULT 0 CHECK (uses >= 0),
  created_at           timestamptz NOT NULL DEFAULT now()  -- older orders used a code of this name before
);

-- A cart's id is the key to it: 192 random bits. `ordered_as` is the order that lives from it; an
-- order that ends unpaid lets go of its cart. Terms are named, not referenced: what the shopkeeper
-- takes away the shopper is told of, and taking it away waits for no cart.
CREATE TABLE checkout.carts (
  id               text PRIMARY KEY,
  currency         char(3) NOT NULL,
  email            text,
  shipping_address jsonb CHECK (jsonb_typeof(shipping_address) = 'object'),
  country          char(2) GENERATED ALWAYS AS (shipping_address ->> 'country') STORED,
  shipping_method  text,
  discount_code    text,
  ordered_as       uuid,
  created_at       timestamptz NOT NULL DEFAULT now(),
  expires_at       timestamptz NOT NULL
);
CREATE INDEX carts_expired ON checkout.carts (expires_at) WHERE ordered_as IS NULL;

-- A line keeps what catalog said when it was set: the price holds until `quoted_until`. A line that
-- catalog no longer sells has a `sold` of false. `was_minor` is the price of the quote before, where
-- that was another one.
CREATE TABLE checkout.cart_lines (
  cart_id      text NOT NULL REFERENCES checkout.carts (id) ON DELETE CASCADE,
  sku          text NOT NULL CHECK (sku ~ '^[A-Za-z0-9._-]{1,64}$'),
  quantity     int NOT NULL CHECK (quantity BETWEEN 1 AND 999),
  price_minor  bigint NOT NULL CHECK (price_minor >= 0),
  was_minor    bigint,
  slug         text NOT NULL,
  title        text NOT NULL,
  attributes   jsonb NOT NULL DEFAULT '{}',
  image        jsonb,
  weight_grams int NOT NULL DEFAULT 0 CHECK (weight_grams >= 0),
  sold         boolean NOT NULL DEFAULT true,
  added_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  quoted_until timestamptz NOT NULL,
  PRIMARY KEY (cart_id, sku)
);

-- Catalog's answer, a JSON array of quotes, as rows.
CREATE FUNCTION checkout.quoted(quotes jsonb)
RETURNS TABLE (sku text, slug text, title text, attributes jsonb, image jsonb, price_minor bigint, weight_grams int)
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT q.sku, q.slug, q.title, q.attributes, q.image, (q.price ->> 'amount')::bigint, q.weight_grams
  FROM jsonb_to_recordset(quotes) AS q (
    sku text, slug text, title text, attributes jsonb, image jsonb, price jsonb, weight_grams int)
$$;

-- What a method asks for this weight there; null when it does not carry it.
CREATE FUNCTION checkout.shipping_price(method text, country char(2), weight_grams bigint) RETURNS bigint
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT r.price_minor FROM checkout.shipping_rates r
  WHERE r.country = shipping_price.country AND r.method = shipping_price.method
    AND r.weight_max_grams >= shipping_price.weight_grams
  ORDER BY r.weight_max_grams LIMIT 1
$$;

-- Whether a code may be used at this moment, whatever is in the cart.
CREATE FUNCTION checkout.discount_runs(discount checkout.discounts) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT now() >= coalesce(discount.starts_at, '-infinity') AND now() < coalesce(discount.ends_at, 'infinity')
     AND (discount.uses_max IS NULL OR discount.uses < discount.uses_max)
$$;

-- A discount code as the shopkeeper sees it.
CREATE FUNCTION checkout.discount_terms(discount checkout.discounts, currency text) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT jsonb_build_object(
    'code', discount.code, 'percent', discount.percent_basis_points / 100.0,
    'minimum', CASE WHEN discount.minimum_minor > 0
               THEN jsonb_build_object('amount', discount.minimum_minor, 'currency', currency) END,
    'starts_at', discount.starts_at, 'ends_at', discount.ends_at,
    'uses_max', discount.uses_max, 'uses', discount.uses)
$$;

-- What a cart costs, all of it, computed in one place for the page and for the order. Null shipping:
-- no method chosen, or none that carries this weight there. Discount: the code's percentage of the
-- goods, rounded to the nearest minor unit, while the code holds; `discount_holds` is null without a
-- code, false also for one that is gone. Tax is within the total.
CREATE FUNCTION checkout.cart_totals(
  cart_id text,
  OUT items_minor bigint, OUT discount_minor bigint, OUT shipping_minor bigint,
  OUT tax_minor bigint, OUT total_minor bigint,
  OUT weight_grams bigint, OUT discount_holds boolean, OUT rate_basis_points int
) LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  cart record;
  discount checkout.discounts;
BEGIN
  SELECT c.country, c.shipping_method, c.discount_code, t.rate_basis_points AS rate INTO cart
  FROM checkout.carts c LEFT JOIN checkout.tax_rates t ON t.country = c.country
  WHERE c.id = cart_totals.cart_id;
  SELECT coalesce(sum(l.quantity * l.price_minor), 0), coalesce(sum(l.quantity::bigint * l.weight_grams), 0)
  INTO items_minor, weight_grams
  FROM checkout.cart_lines l WHERE l.cart_id = cart_totals.cart_id AND l.sold;
  discount_minor := 0;
  IF cart.discount_code IS NOT NULL THEN
    SELECT d.* INTO discount FROM checkout.discounts d WHERE d.code = cart.discount_code;
    discount_holds := FOUND AND checkout.discount_runs(discount) AND items_minor >= discount.minimum_minor;
    IF discount_holds THEN
      discount_minor := round(items_minor::numeric * discount.percent_basis_points / 10000);
    END IF;
  END IF;
  shipping_minor := checkout.shipping_price(cart.shipping_method, cart.country, weight_grams);
  rate_basis_points := cart.rate;
  total_minor := items_minor - discount_minor + coalesce(shipping_minor, 0);
  tax_minor := round(total_minor::numeric * cart.rate / (10000 + cart.rate));
END $$;

-- Where a new shop starts: the countries of the EU with their standard rates (European Commission,
-- Taxes in Europe Database, 2025), the UK and Switzerland; two ways to ship. The shopkeeper changes them.
INSERT INTO checkout.tax_rates (country, rate_basis_points) VALUES
  ('AT', 2000), ('BE', 2100), ('BG', 2000), ('CH', 810), ('CY', 1900), ('CZ', 2100), ('DE', 1900), ('DK', 2500),
  ('EE', 2400), ('ES', 2100), ('FI', 2550), ('FR', 2000), ('GB', 2000), ('GR', 2400), ('HR', 2500), ('HU', 2700),
  ('IE', 2300), ('IT', 2200), ('LT', 2100), ('LU', 1700), ('LV', 2100), ('MT', 1800), ('NL', 2100), ('PL', 2300),
  ('PT', 2300), ('RO', 2100), ('SE', 2500), ('SI', 2200), ('SK', 2300);
INSERT INTO checkout.shipping_methods (code, name, position) VALUES ('standard', 'Standard', 0), ('express', 'Express', 1);
INSERT INTO checkout.shipping_rates (method, country, weight_max_grams, price_minor)
SELECT band.method, t.country, band.weight_max_grams,
       band.price_minor + CASE WHEN t.country IN ('CH', 'GB') THEN 600 ELSE 0 END
FROM checkout.tax_rates t
CROSS JOIN (VALUES
  ('standard', 2000, 490), ('standard', 10000, 790), ('standard', 31500, 1490), ('standard', 2000000000, 5900),
  ('express', 2000, 1290), ('express', 10000, 1890), ('express', 31500, 3490)
) AS band (method, weight_max_grams, price_minor);

-- migrate:down
DROP FUNCTION checkout.cart_totals;
DROP FUNCTION checkout.discount_terms;
DROP FUNCTION checkout.discount_runs;
DROP FUNCTION checkout.shipping_price;
DROP FUNCTION checkout.quoted;
DROP TABLE checkout.cart_lines, checkout.carts, checkout.discounts, checkout.shipping_rates,
           checkout.shipping_methods, checkout.tax_rates;
