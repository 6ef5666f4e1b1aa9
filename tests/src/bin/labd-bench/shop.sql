-- The tables that the sample app reads, with some two years of orders.
CREATE TABLE customers (id int PRIMARY KEY, name text, city text, country text, segment text);
INSERT INTO customers
SELECT n, 'Customer ' || n, 'City ' || n % 40, 'Country ' || n % 12,
       (ARRAY['consumer', 'business', 'public'])[1 + n % 3]
FROM generate_series(1, 400) AS n;

CREATE TABLE orders (
  id int PRIMARY KEY, customer_id int REFERENCES customers, status text,
  total numeric(10, 2), ordered_at timestamp
);
INSERT INTO orders
SELECT n, 1 + (n * 7919) % 400, CASE WHEN n % 17 = 0 THEN 'cancelled' ELSE 'delivered' END,
       20 + (n * 104729) % 50000 / 100.0, timestamp '2024-11-01' + n * interval '3 hours'
FROM generate_series(1, 5800) AS n;
CREATE INDEX ON orders (customer_id);

CREATE TABLE products (id int PRIMARY KEY, sku text, name text, category text, active boolean);
INSERT INTO products
SELECT n, 'SKU-' || n, 'Product ' || n, 'Category ' || n % 9, n % 11 <> 0
FROM generate_series(1, 120) AS n;

CREATE TABLE inventory (product_id int REFERENCES products, location text, quantity_on_hand int, reorder_level int);
INSERT INTO inventory SELECT n, 'A' || n, n % 23, 10 FROM generate_series(1, 120) AS n;
