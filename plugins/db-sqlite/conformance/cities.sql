CREATE TABLE cities (id INTEGER PRIMARY KEY, name TEXT NOT NULL, flag BLOB);
INSERT INTO cities VALUES
  (1, 'Köln', NULL),
  (2, 'Αθήνα', x''),
  (3, '東京 🦜', x'00ff'),
  (9223372036854775807, '"far"', NULL);
