-- migrate:up

-- What products and categories were called before, so that old addresses lead to them. A slug that
-- something has now counts first; then its former owner's row stays, and means nothing.
CREATE TABLE catalog.former_slugs (
  slug       text PRIMARY KEY,
  product_id bigint NOT NULL REFERENCES catalog.products (id) ON DELETE CASCADE,
  since      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX former_slugs_product ON catalog.former_slugs (product_id);

CREATE TABLE catalog.former_category_slugs (
  slug        text PRIMARY KEY,
  category_id int NOT NULL REFERENCES catalog.categories (id) ON DELETE CASCADE,
  since       timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX former_category_slugs_category ON catalog.former_category_slugs (category_id);

-- Whoever renames, by an import or by hand, leaves the old name behind.
CREATE FUNCTION catalog.remember_slug() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO catalog.former_slugs (slug, product_id) VALUES (OLD.slug, OLD.id)
  ON CONFLICT (slug) DO UPDATE SET product_id = excluded.product_id, since = excluded.since;
  DELETE FROM catalog.former_slugs WHERE slug = NEW.slug;
  RETURN NULL;
END $$;
CREATE TRIGGER products_remember_slug AFTER UPDATE OF slug ON catalog.products
FOR EACH ROW WHEN (OLD.slug IS DISTINCT FROM NEW.slug) EXECUTE FUNCTION catalog.remember_slug();

CREATE FUNCTION catalog.remember_category_slug() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO catalog.former_category_slugs (slug, category_id) VALUES (OLD.slug, OLD.id)
  ON CONFLICT (slug) DO UPDATE SET category_id = excluded.category_id, since = excluded.since;
  DELETE FROM catalog.former_category_slugs WHERE slug = NEW.slug;
  RETURN NULL;
END $$;
CREATE TRIGGER categories_remember_slug AFTER UPDATE OF slug ON catalog.categories
FOR EACH ROW WHEN (OLD.slug IS DISTINCT FROM NEW.slug) EXECUTE FUNCTION catalog.remember_category_slug();

-- migrate:down
DROP TRIGGER categories_remember_slug ON catalog.categories;
DROP TRIGGER products_remember_slug ON catalog.products;
DROP FUNCTION catalog.remember_category_slug, catalog.remember_slug;
DROP TABLE catalog.former_category_slugs, catalog.former_slugs;
