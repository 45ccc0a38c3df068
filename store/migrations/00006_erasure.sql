-- +goose Up
CREATE TABLE erasures (
  id {{text}} PRIMARY KEY,
  kind {{text}} NOT NULL,
  state {{text}} NOT NULL,
  author {{text}} NOT NULL,
  reason {{text}} NOT NULL,
  at BIGINT NOT NULL,
  done_at BIGINT NOT NULL DEFAULT 0,
  lifted_at BIGINT NOT NULL DEFAULT 0,
  counts {{text}} NOT NULL DEFAULT '{}'
);

CREATE TABLE marks (
  erasure {{text}} NOT NULL,
  kind {{text}} NOT NULL,
  mark {{text}} NOT NULL,
  hint BIGINT NOT NULL,
  PRIMARY KEY (erasure, kind, mark)
);

CREATE TABLE audit (
  seq {{key}},
  at BIGINT NOT NULL,
  actor {{text}} NOT NULL,
  action {{text}} NOT NULL,
  object {{text}} NOT NULL,
  subject {{text}} NOT NULL,
  counts {{text}} NOT NULL
);

-- +goose Down
DROP TABLE audit;
DROP TABLE marks;
DROP TABLE erasures;
