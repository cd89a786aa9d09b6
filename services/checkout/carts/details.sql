-- name: set_details
-- Who buys, and how it gets there.
UPDATE checkout.carts SET email = $2, shipping_address = $3::jsonb, shipping_method = $4 WHERE id = $1
