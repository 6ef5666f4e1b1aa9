CREATE TABLE customers (
  id          INTEGER PRIMARY KEY,
  name        TEXT NOT NULL,
  company     TEXT,
  email       TEXT NOT NULL UNIQUE,
  phone       TEXT,
  city        TEXT NOT NULL,
  country     TEXT NOT NULL CHECK (length(country) = 2),
  segment     TEXT NOT NULL CHECK (segment IN ('consumer', 'business')),
  created_at  TIMESTAMP NOT NULL
);

CREATE TABLE products (
  id               INTEGER PRIMARY KEY,
  sku              TEXT NOT NULL UNIQUE,
  name             TEXT NOT NULL,
  category         TEXT NOT NULL,
  unit_price       NUMERIC(10,2) NOT NULL CHECK (unit_price >= 0),
  unit_cost        NUMERIC(10,2) NOT NULL CHECK (unit_cost >= 0),
  active           BOOLEAN NOT NULL DEFAULT TRUE CHECK (active IN (0, 1)),
  discontinued_on  DATE
);
CREATE INDEX products_by_category ON products (category);

CREATE TABLE orders (
  id           INTEGER PRIMARY KEY,
  customer_id  INTEGER NOT NULL REFERENCES customers (id),
  status       TEXT NOT NULL
               CHECK (status IN ('pending', 'paid', 'shipped', 'delivered', 'cancelled', 'refunded')),
  channel      TEXT NOT NULL CHECK (channel IN ('web', 'store', 'phone')),
  total        NUMERIC(10,2) NOT NULL CHECK (total >= 0),
  note         TEXT,
  ordered_at   TIMESTAMP NOT NULL,
  shipped_at   TIMESTAMP CHECK (shipped_at >= ordered_at)
);
CREATE INDEX orders_by_customer ON orders (customer_id);
CREATE INDEX orders_by_time ON orders (ordered_at);

CREATE TABLE order_lines (
  id          INTEGER PRIMARY KEY,
  order_id    INTEGER NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
  product_id  INTEGER NOT NULL REFERENCES products (id),
  quantity    INTEGER NOT NULL CHECK (quantity > 0),
  unit_price  NUMERIC(10,2) NOT NULL CHECK (unit_price >= 0),
  line_total  NUMERIC(10,2) NOT NULL CHECK (line_total >= 0),
  UNIQUE (order_id, product_id)
);
CREATE INDEX order_lines_by_product ON order_lines (product_id);

CREATE TABLE payments (
  id              INTEGER PRIMARY KEY,
  order_id        INTEGER NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
  method          TEXT NOT NULL CHECK (method IN ('card', 'wallet', 'bank transfer', 'cash')),
  status          TEXT NOT NULL CHECK (status IN ('succeeded', 'failed', 'refunded')),
  amount          NUMERIC(10,2) NOT NULL CHECK (amount >= 0),
  failure_reason  TEXT CHECK ((status = 'failed') = (failure_reason IS NOT NULL)),
  paid_at         TIMESTAMP NOT NULL
);
CREATE INDEX payments_by_order ON payments (order_id);
CREATE INDEX payments_by_time ON payments (paid_at);

CREATE TABLE inventory (
  product_id        INTEGER PRIMARY KEY REFERENCES products (id),
  location          TEXT NOT NULL,
  quantity_on_hand  INTEGER NOT NULL CHECK (quantity_on_hand >= 0),
  reorder_level     INTEGER NOT NULL CHECK (reorder_level >= 0),
  counted_at        TIMESTAMP NOT NULL
);
