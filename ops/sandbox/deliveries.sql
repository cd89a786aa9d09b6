-- name: due_deliveries
-- What is to be sent now; a reordered event as soon as a later one has arrived.
SELECT events.*, deliveries.state AS delivery, deliveries.attempts, deliveries.considered
FROM deliveries JOIN events ON events.number = deliveries.event_number
WHERE deliveries.state = 'pending'
  AND (deliveries.due_at <= :now
       OR (after_next AND EXISTS (SELECT 1 FROM deliveries later
                                  WHERE later.event_number > deliveries.event_number
                                    AND later.state = 'delivered')))
ORDER BY events.number
LIMIT :limit

-- name: next_due
-- When to look again.
SELECT min(due_at) AS due_at FROM deliveries WHERE state = 'pending'

-- name: postpone
-- A fault mode had its turn.
UPDATE deliveries SET due_at = :due_at, after_next = :after_next, considered = 1 WHERE event_number = :number

-- name: someone_waits_for_the_next
-- Whether an event is being held back until a later one has arrived.
SELECT 1 FROM deliveries WHERE state = 'pending' AND after_next

-- name: begin_attempt
-- Nobody takes it up again before this attempt must have ended.
UPDATE deliveries
SET attempts = attempts + 1, due_at = :due_at, considered = 1, after_next = 0
WHERE event_number = :number

-- name: note_result
-- Delivered, to be tried again, or left.
UPDATE deliveries SET state = :state, due_at = :due_at, last_result = :result WHERE event_number = :number

-- name: all_due_now
-- After a start: what waited for its next attempt, or was being sent, waits no longer.
UPDATE deliveries SET due_at = min(due_at, :now) WHERE state = 'pending' AND attempts > 0
