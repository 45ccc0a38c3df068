-- +goose Up
ALTER TABLE versions ADD COLUMN reason {{text}} NOT NULL DEFAULT '';
ALTER TABLE versions ADD COLUMN merged_into {{text}} NOT NULL DEFAULT '';

-- 1 is a tombstone, 2 one of a record that a full list no longer held.
ALTER TABLE records ADD COLUMN deleted BIGINT NOT NULL DEFAULT 0;
UPDATE records SET deleted = 1 WHERE EXISTS (SELECT 1 FROM versions v WHERE v.record = records.id AND v.version = records.version
  AND v.observed_at = records.observed_at AND v.hash = records.hash AND v.deleted = 1);

ALTER TABLE streams ADD COLUMN notice {{text}} NOT NULL DEFAULT '';

CREATE TABLE sweeps (
  id {{key}},
  connection {{text}} NOT NULL,
  stream {{text}} NOT NULL,
  round {{text}} NOT NULL,
  started_at BIGINT NOT NULL,
  state {{text}} NOT NULL
);
CREATE UNIQUE INDEX sweeps_round ON sweeps (connection, stream, round);

CREATE TABLE seen (
  sweep BIGINT NOT NULL,
  record BIGINT NOT NULL,
  PRIMARY KEY (sweep, record)
);

CREATE TABLE fields (
  connection {{text}} NOT NULL,
  stream {{text}} NOT NULL,
  path {{text}} NOT NULL,
  types {{text}} NOT NULL,
  first_seen BIGINT NOT NULL,
  last_seen BIGINT NOT NULL,
  samples BIGINT NOT NULL,
  gone_at BIGINT NOT NULL,
  declared BIGINT NOT NULL,
  label {{text}} NOT NULL,
  doc {{text}} NOT NULL,
  vendor_type {{text}} NOT NULL,
  custom BIGINT NOT NULL,
  computed BIGINT NOT NULL,
  PRIMARY KEY (connection, stream, path)
);

CREATE TABLE drift (
  id {{key}},
  connection {{text}} NOT NULL,
  stream {{text}} NOT NULL,
  path {{text}} NOT NULL,
  what {{text}} NOT NULL,
  detail {{text}} NOT NULL,
  at BIGINT NOT NULL
);
CREATE INDEX drift_stream ON drift (connection, stream, id);

-- +goose Down
DROP TABLE drift;
DROP TABLE fields;
DROP TABLE seen;
DROP TABLE sweeps;
ALTER TABLE streams DROP COLUMN notice;
ALTER TABLE records DROP COLUMN deleted;
ALTER TABLE versions DROP COLUMN merged_into;
ALTER TABLE versions DROP COLUMN reason;
