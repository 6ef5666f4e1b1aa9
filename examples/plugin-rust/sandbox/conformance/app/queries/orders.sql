-- All orders.
SELECT id, total FROM orders
