-- name: latest_intents
-- Newest first.
SELECT * FROM payment_intents ORDER BY number DESC LIMIT :limit

-- name: latest_events
-- Newest first, with what became of their webhooks.
SELECT events.created, events.type, json_extract(events.object, '$.id') AS about,
       deliveries.state AS delivery, deliveries.attempts, deliveries.last_result
FROM events LEFT JOIN deliveries ON deliveries.event_number = events.number
ORDER BY events.number DESC
LIMIT :limit
