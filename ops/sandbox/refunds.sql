-- name: charge
-- One charge.
SELECT * FROM charges WHERE id = :id

-- name: charge_of_intent
-- The one that took money.
SELECT * FROM charges WHERE intent_id = :intent_id AND status = 'succeeded'

-- name: list_charges
-- Newest first; one row more than asked for tells whether there are more.
SELECT * FROM charges
WHERE (:after IS NULL OR number < (SELECT number FROM charges WHERE id = :after))
  AND (:gt IS NULL OR created > :gt) AND (:gte IS NULL OR created >= :gte)
  AND (:lt IS NULL OR created < :lt) AND (:lte IS NULL OR created <= :lte)
  AND (:intent_id IS NULL OR intent_id = :intent_id)
ORDER BY number DESC
LIMIT :limit + 1

-- name: give_back
-- The table's own check refuses to give back more than was taken.
UPDATE charges SET refunded_minor = refunded_minor + :amount_minor WHERE id = :id

-- name: add_refund
-- Money given back.
INSERT INTO refunds (id, charge_id, intent_id, created, amount_minor, currency, reason, status, metadata)
SELECT :id, id, intent_id, :created, :amount_minor, currency, :reason, 'succeeded', :metadata
FROM charges WHERE id = :charge_id

-- name: refund
-- One refund.
SELECT * FROM refunds WHERE id = :id

-- name: list_refunds
-- Newest first; one row more than asked for tells whether there are more.
SELECT * FROM refunds
WHERE (:after IS NULL OR number < (SELECT number FROM refunds WHERE id = :after))
  AND (:gt IS NULL OR created > :gt) AND (:gte IS NULL OR created >= :gte)
  AND (:lt IS NULL OR created < :lt) AND (:lte IS NULL OR created <= :lte)
  AND (:intent_id IS NULL OR intent_id = :intent_id)
  AND (:charge_id IS NULL OR charge_id = :charge_id)
ORDER BY number DESC
LIMIT :limit + 1
