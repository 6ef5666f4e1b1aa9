-- Active products at or below their reorder level, the most urgent first.
-- @effect read
SELECT
  p.sku,
  p.name,
  p.category,
  i.location,
  i.quantity_on_hand AS on_hand,
  i.reorder_level,
  i.reorder_level - i.quantity_on_hand AS missing
FROM inventory AS i
JOIN products AS p ON p.id = i.product_id
WHERE p.active AND i.quantity_on_hand <= i.reorder_level
ORDER BY missing DESC, p.name
