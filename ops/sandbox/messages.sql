-- name: add_message
-- A mail as it came.
INSERT INTO messages (received_at, sender, recipients, subject, raw)
VALUES (:received_at, :sender, :recipients, :subject, :raw)

-- name: forget_old_messages
-- Only the newest are kept.
DELETE FROM messages WHERE id <= (SELECT max(id) FROM messages) - :kept

-- name: list_messages
-- Newest first; `recipient` is one address, `subject` a part of the subject, both in any case.
SELECT * FROM messages
WHERE (:recipient IS NULL
       OR EXISTS (SELECT 1 FROM json_each(recipients) WHERE lower(value) = lower(:recipient)))
  AND (:subject IS NULL OR instr(lower(subject), lower(:subject)) > 0)
ORDER BY id DESC
LIMIT :limit

-- name: message
-- One mail.
SELECT * FROM messages WHERE id = :id

-- name: delete_messages
-- All of them.
DELETE FROM messages
