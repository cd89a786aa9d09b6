-- name: add_intent
-- A new payment intent.
INSERT INTO payment_intents (id, client_secret, created, amount_minor, currency, status, metadata, details, card)
VALUES (:id, :client_secret, :created, :amount_minor, :currency, :status, :metadata, :details, :card)

-- name: intent
-- One payment intent.
SELECT * FROM payment_intents WHERE id = :id

-- name: list_intents
-- Newest first; one row more than asked for tells whether there are more.
SELECT * FROM payment_intents
WHERE (:after IS NULL OR number < (SELECT number FROM payment_intents WHERE id = :after))
  AND (:gt IS NULL OR created > :gt) AND (:gte IS NULL OR created >= :gte)
  AND (:lt IS NULL OR created < :lt) AND (:lte IS NULL OR created <= :lte)
ORDER BY number DESC
LIMIT :limit + 1

-- name: cancel_intent
-- No longer to be paid.
UPDATE payment_intents
SET status = 'canceled', canceled_at = :canceled_at, cancellation_reason = :reason, next_action = NULL
WHERE id = :id

-- name: await_authentication
-- The bank asks the shopper.
UPDATE payment_intents
SET status = 'requires_action', next_action = :next_action, card = :card, last_payment_error = NULL
WHERE id = :id

-- name: begin_processing
-- The bank takes its time.
UPDATE payment_intents
SET status = 'processing', settles_at = :settles_at, card = :card, last_payment_error = NULL, next_action = NULL
WHERE id = :id

-- name: processed_intents
-- Those whose time has come.
SELECT * FROM payment_intents WHERE status = 'processing' AND settles_at <= :now

-- name: settle_intent
-- Paid, or in need of another card.
UPDATE payment_intents
SET status = :status, card = :card, last_payment_error = :last_payment_error, next_action = NULL,
    latest_charge = coalesce(:charge, latest_charge)
WHERE id = :id

-- name: add_charge
-- Money taken, or refused by the bank. A second success for one intent breaks `charges_once`.
INSERT INTO charges (id, intent_id, created, amount_minor, currency, status, metadata, card, failure)
SELECT :id, id, :created, amount_minor, currency, :status, metadata, :card, :failure
FROM payment_intents WHERE id = :intent_id

-- name: ask_shopper
-- A page of the bank's, open until it is answered.
INSERT INTO authentications (token, intent_id, return_url) VALUES (:token, :intent_id, :return_url)

-- name: authentication
-- The page behind a token, with the intent it is about.
SELECT authentications.*, payment_intents.amount_minor, payment_intents.currency, payment_intents.status,
       payment_intents.next_action
FROM authentications JOIN payment_intents ON payment_intents.id = authentications.intent_id
WHERE token = :token

-- name: close_authentication
-- Answered; null when it had been before.
UPDATE authentications SET outcome = :outcome WHERE token = :token AND outcome IS NULL
