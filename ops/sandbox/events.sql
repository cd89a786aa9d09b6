-- name: add_event
-- In the transaction of what happened.
INSERT INTO events (id, created, type, object, request_id, idempotency_key)
VALUES (:id, :created, :type, :object, :request_id, :idempotency_key)

-- name: add_delivery
-- The last event is to be delivered.
INSERT INTO deliveries (event_number, due_at)
SELECT number, :due_at FROM events WHERE id = :id

-- name: event
-- One event, and whether its webhook is still on its way.
SELECT events.*, deliveries.state AS delivery
FROM events LEFT JOIN deliveries ON deliveries.event_number = events.number
WHERE events.id = :id

-- name: list_events
-- Newest first; one row more than asked for tells whether there are more.
SELECT events.*, deliveries.state AS delivery
FROM events LEFT JOIN deliveries ON deliveries.event_number = events.number
WHERE (:after IS NULL OR number < (SELECT number FROM events WHERE id = :after))
  AND (:gt IS NULL OR created > :gt) AND (:gte IS NULL OR created >= :gte)
  AND (:lt IS NULL OR created < :lt) AND (:lte IS NULL OR created <= :lte)
  AND (:types IS NULL OR type IN (SELECT value FROM json_each(:types)))
  AND (:delivered IS NULL OR :delivered = (coalesce(deliveries.state, 'delivered') = 'delivered'))
ORDER BY number DESC
LIMIT :limit + 1
