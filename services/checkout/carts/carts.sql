-- name: open_cart
-- A new, empty cart.
INSERT INTO checkout.carts (id, currency, expires_at) VALUES ($1, $2, now() + make_interval(days => $3))

-- name: take_cart
-- Locks a cart for a change and lets it live longer.
UPDATE checkout.carts SET expires_at = CASE WHEN ordered_as IS NULL THEN now() + make_interval(days => $2) ELSE expires_at END
WHERE id = $1 AND (expires_at > now() OR ordered_as IS NOT NULL)
RETURNING ordered_as

-- name: order_token
-- The key to the order that was made of a cart. Asked after the cart's lock was waited for: the
-- statement that waited can't see an order that was placed meanwhile.
SELECT token FROM checkout.orders WHERE id = $1
