-- name: order_page
-- A page of orders, newest first. One of the three ways runs, each along an index of its own.
SELECT o.number, o.status, o.email, o.currency, o.total_minor, o.refunded_minor, o.created_at,
       (SELECT sum(l.quantity) FROM checkout.order_lines l WHERE l.order_id = o.id) AS items
FROM (
  (SELECT * FROM checkout.orders
   WHERE $1::text IS NULL AND $2::text IS NULL AND number < $3
   ORDER BY number DESC LIMIT $4)
  UNION ALL
  (SELECT * FROM checkout.orders
   WHERE status = $1 AND $2::text IS NULL AND number < $3
   ORDER BY number DESC LIMIT $4)
  UNION ALL
  (SELECT * FROM checkout.orders
   WHERE lower(email) = lower($2) AND ($1::text IS NULL OR status = $1) AND number < $3
   ORDER BY number DESC LIMIT $4)
) o
ORDER BY o.number DESC
