-- +goose Up
-- The customer that owns this one, where it is known.
ALTER TABLE customers ADD COLUMN parent {{text}} NOT NULL DEFAULT '';
CREATE INDEX customers_parent ON customers (parent, id) WHERE parent <> '';

-- +goose Down
DROP INDEX customers_parent;
ALTER TABLE customers DROP COLUMN parent;
