-- +goose Up
-- What assessing a customer takes, so that their events need not be read again. It can be made anew at any time.
CREATE TABLE books (
  customer {{text}} PRIMARY KEY,
  doc {{bytes}} NOT NULL
);

-- A human's word against a computed answer. A row whose revokes is not empty takes that override back.
CREATE TABLE overrides (
  seq {{key}},
  id {{text}} NOT NULL,
  customer {{text}} NOT NULL,
  field {{text}} NOT NULL,
  value {{text}} NOT NULL,
  author {{text}} NOT NULL,
  reason {{text}} NOT NULL,
  from_at BIGINT NOT NULL,
  until_at BIGINT NOT NULL,
  recorded_at BIGINT NOT NULL,
  revokes {{text}} NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX overrides_id ON overrides (id);
CREATE INDEX overrides_customer ON overrides (customer, seq);
CREATE INDEX overrides_revokes ON overrides (revokes) WHERE revokes <> '';

-- Customers whose golden record stands are marked as well.
DROP INDEX customers_dirty;
CREATE INDEX customers_dirty ON customers (id) WHERE dirty > 0;

-- +goose Down
DROP INDEX customers_dirty;
CREATE INDEX customers_dirty ON customers (id) WHERE dirty = 1;
DROP TABLE overrides;
DROP TABLE books;
