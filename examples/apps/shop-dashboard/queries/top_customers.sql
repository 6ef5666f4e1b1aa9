-- The customers with the highest revenue.
-- @param count int
-- @effect read
SELECT
  c.id,
  c.name,
  c.city,
  c.country,
  c.segment,
  COUNT(o.id) AS orders,
  ROUND(SUM(o.total), 2) AS revenue,
  MAX(o.ordered_at) AS last_order
FROM customers AS c
JOIN orders AS o ON o.customer_id = c.id
WHERE o.status NOT IN ('cancelled', 'refunded')
GROUP BY c.id
ORDER BY revenue DESC
LIMIT :count
