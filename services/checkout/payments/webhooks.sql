-- name: receive
-- Notes an event; no row when it came before.
INSERT INTO checkout.webhook_events (id, type, object_id, effect, payload) VALUES ($1, $2, $3, 'received', $4)
ON CONFLICT DO NOTHING RETURNING id

-- name: effect
-- What came of it.
UPDATE checkout.webhook_events SET effect = $2 WHERE id = $1
