-- Revenue and orders of each of the last months.
-- @param months int?
-- @effect read
-- @cache 30s
SELECT month, orders, revenue
FROM (
  SELECT
    strftime('%Y-%m', ordered_at) AS month,
    COUNT(*) AS orders,
    ROUND(SUM(total), 2) AS revenue
  FROM orders
  WHERE status NOT IN ('cancelled', 'refunded')
  GROUP BY 1
  ORDER BY 1 DESC
  LIMIT COALESCE(:months, 24)
) AS recent
ORDER BY month
