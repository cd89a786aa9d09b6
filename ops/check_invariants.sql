-- name: level_is_sum_of_movements
-- What is on the shelf is the sum of what came and went.
SELECT s.sku, s.level, coalesce(m.sum, 0) AS movements
FROM checkout.stock_levels s
FULL JOIN (SELECT sku, sum(delta) AS sum FROM checkout.stock_movements GROUP BY sku) m USING (sku)
WHERE s.level IS DISTINCT FROM coalesce(m.sum, 0)

-- name: reserved_is_what_unpaid_orders_hold
-- Nothing is held for nobody, and nobody's hold is forgotten.
SELECT s.sku, s.reserved, coalesce(held.sum, 0) AS held
FROM checkout.stock_levels s
LEFT JOIN (
  SELECT l.sku, sum(l.quantity) AS sum FROM checkout.order_lines l JOIN checkout.orders o ON o.id = l.order_id
  WHERE o.stock = 'reserved' GROUP BY l.sku
) held USING (sku)
WHERE s.reserved <> coalesce(held.sum, 0)

-- name: sales_are_what_paid_orders_took
-- Every unit sold belongs to an order, and every order that took its stock has its movements.
SELECT coalesce(l.order_id, m.order_id) AS order_id, coalesce(l.sku, m.sku) AS sku
FROM (SELECT l.order_id, l.sku, l.quantity FROM checkout.order_lines l
      JOIN checkout.orders o ON o.id = l.order_id WHERE o.stock IN ('taken', 'returned')) l
FULL JOIN (SELECT order_id, sku, -sum(delta) AS quantity FROM checkout.stock_movements
           WHERE kind = 'sale' GROUP BY order_id, sku) m USING (order_id, sku)
WHERE l.quantity IS DISTINCT FROM m.quantity

-- name: stock_follows_status
-- Unpaid orders hold, paid ones have taken, ended ones have let go.
SELECT number, status, stock FROM checkout.orders
WHERE stock NOT IN ('reserved', 'taken', 'released', 'returned')
   OR (status = 'pending_payment') <> (stock = 'reserved')
   OR (status IN ('paid', 'fulfilled', 'partially_refunded') AND stock <> 'taken')
   OR (status IN ('cancelled', 'expired') AND stock NOT IN ('released', 'returned'))

-- name: totals_add_up
-- An order's goods are the sum of its lines.
SELECT o.number, o.items_minor, sum(l.quantity * l.price_minor) AS lines
FROM checkout.orders o LEFT JOIN checkout.order_lines l ON l.order_id = o.id
GROUP BY o.id HAVING o.items_minor IS DISTINCT FROM sum(l.quantity * l.price_minor)

-- name: paid_is_what_was_captured
-- A paid order has a settled attempt of its total; money without an order that took it is refunded or due.
SELECT o.number, o.status, o.total_minor, o.captured_minor, a.state
FROM checkout.orders o LEFT JOIN checkout.payment_attempts a ON a.order_id = o.id
WHERE a.id IS NULL OR a.amount_minor <> o.total_minor
   OR (a.state = 'settled') <> (o.status NOT IN ('pending_payment', 'cancelled', 'expired') OR o.total_minor = 0)
   OR o.captured_minor <> CASE WHEN a.state = 'settled' THEN o.total_minor ELSE 0 END

-- name: refunded_is_the_sum_of_refunds
-- And never more than what was captured.
SELECT o.number, o.captured_minor, o.refunded_minor, coalesce(sum(r.amount_minor), 0) AS refunds
FROM checkout.orders o LEFT JOIN checkout.refunds r ON r.order_id = o.id AND r.state <> 'failed'
GROUP BY o.id
HAVING o.refunded_minor <> coalesce(sum(r.amount_minor), 0) OR o.refunded_minor > o.captured_minor

-- name: every_key_has_its_order
-- A claim and its effect commit together.
SELECT k.key, k.result_id FROM checkout.idempotency_keys k
LEFT JOIN checkout.orders o ON o.id::text = k.result_id WHERE k.scope = 'order' AND o.id IS NULL

-- name: carts_and_orders_agree
-- A cart that is ordered names an order that is its own and lives, or was paid.
SELECT c.id, c.ordered_as, o.status FROM checkout.carts c LEFT JOIN checkout.orders o ON o.id = c.ordered_as
WHERE c.ordered_as IS NOT NULL
  AND (o.id IS NULL OR o.cart_id <> c.id OR (o.status IN ('cancelled', 'expired') AND o.paid_at IS NULL))

-- name: no_cart_is_charged_twice
-- Of the orders of one cart at most one keeps the money.
SELECT cart_id, count(*) AS orders FROM checkout.orders
WHERE captured_minor > refunded_minor GROUP BY cart_id HAVING count(*) > 1

-- name: every_open_payment_is_followed
-- A payment that is neither settled nor closed has a job that will look at it.
SELECT o.number, a.state FROM checkout.payment_attempts a JOIN checkout.orders o ON o.id = a.order_id
WHERE a.state <> 'settled' AND NOT a.closed AND NOT EXISTS (
  SELECT FROM jobs.jobs j WHERE j.actor IN ('checkout.open_payment', 'checkout.poll_payment')
    AND j.state IN ('queued', 'running') AND j.args ->> 0 = a.id::text)

-- name: every_unpaid_order_will_end
-- And an order that nobody pays has a job that ends it.
SELECT o.number FROM checkout.orders o
WHERE o.status = 'pending_payment' AND NOT EXISTS (
  SELECT FROM jobs.jobs j WHERE j.actor = 'checkout.expire_order' AND j.state IN ('queued', 'running')
    AND j.args ->> 0 = o.id::text)

-- name: every_pending_refund_will_be_sent
-- The same for money that is to be given back.
SELECT r.id FROM checkout.refunds r
WHERE r.state = 'pending' AND NOT EXISTS (
  SELECT FROM jobs.jobs j WHERE j.actor = 'checkout.send_refund' AND j.state IN ('queued', 'running')
    AND j.args ->> 0 = r.id::text)

-- name: money_due_is_on_its_way
-- What is owed for an order that was called off, or paid in vain, is asked of the gateway. If it has
-- refused, or the bank sent the money back, a person has to refund it in another way.
SELECT number, captured_minor, refunded_minor FROM checkout.orders
WHERE status = 'refund_due' AND refunded_minor < captured_minor

-- name: discount_uses_are_counted
-- A code's uses are the orders made with it that have not let go of their stock.
SELECT d.code, d.uses, count(o.id) AS orders FROM checkout.discounts d
LEFT JOIN checkout.orders o ON o.discount_code = d.code AND o.created_at >= d.created_at
  AND o.stock NOT IN ('released', 'returned')
GROUP BY d.code HAVING d.uses <> count(o.id)

-- name: catalog_shows_what_checkout_has
-- Once no word is on its way, the shop shows what can be bought.
SELECT v.sku, v.available, greatest(0, s.level - s.reserved) AS checkout
FROM catalog.variants v JOIN checkout.stock_levels s ON s.sku = v.sku
WHERE v.available <> greatest(0, s.level - s.reserved) AND NOT EXISTS (
  SELECT FROM jobs.jobs j WHERE j.actor = 'catalog.refresh_availability' AND j.state IN ('queued', 'running'))
