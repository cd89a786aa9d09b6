-- migrate:up transaction:false

-- Carts of orders, the longest over first: they are swept in time, too.
CREATE INDEX CONCURRENTLY IF NOT EXISTS carts_ordered ON checkout.carts (expires_at) WHERE ordered_as IS NOT NULL;

-- migrate:down
