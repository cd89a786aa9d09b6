-- name: set_discount
-- The code a cart uses; none when null.
UPDATE checkout.carts SET discount_code = $2 WHERE id = $1
