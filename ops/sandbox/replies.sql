-- name: saved_reply
-- What a key was answered the first time.
SELECT endpoint, parameters, status, body FROM replies WHERE idempotency_key = :key

-- name: save_reply
-- In the transaction of the effect it tells of.
INSERT INTO replies (idempotency_key, created, endpoint, parameters, status, body)
VALUES (:key, :created, :endpoint, :parameters, :status, :body)

-- name: forget_old_replies
-- Stripe keeps them for at least a day; afterwards the key runs anew.
DELETE FROM replies WHERE created < :before
