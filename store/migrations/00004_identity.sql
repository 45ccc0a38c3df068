-- +goose Up
CREATE TABLE decisions (
  seq {{key}},
  id {{text}} NOT NULL,
  kind {{text}} NOT NULL,
  a {{text}} NOT NULL,
  b {{text}} NOT NULL,
  evidence {{text}} NOT NULL,
  field {{text}} NOT NULL,
  value {{text}} NOT NULL,
  revokes {{text}} NOT NULL,
  author {{text}} NOT NULL,
  reason {{text}} NOT NULL,
  at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX decisions_id ON decisions (id);

-- A move is written for an entity that had a customer, or had none, and got another: not for the first customer of
-- a new entity.
CREATE TABLE moves (
  seq {{key}},
  entity BIGINT NOT NULL,
  origin {{text}} NOT NULL,
  destination {{text}} NOT NULL,
  why {{text}} NOT NULL,
  at BIGINT NOT NULL
);
CREATE INDEX moves_entity ON moves (entity, at);
CREATE INDEX moves_origin ON moves (origin, at);
CREATE INDEX moves_destination ON moves (destination, at);

CREATE TABLE candidates (
  a BIGINT NOT NULL,
  b BIGINT NOT NULL,
  id {{text}} NOT NULL,
  kind {{text}} NOT NULL,
  rank BIGINT NOT NULL,
  score DOUBLE PRECISION NOT NULL,
  contested BIGINT NOT NULL,
  why {{text}} NOT NULL,
  recorded_at BIGINT NOT NULL,
  PRIMARY KEY (a, b)
);
CREATE INDEX candidates_b ON candidates (b);
CREATE UNIQUE INDEX candidates_id ON candidates (id);
CREATE INDEX candidates_best ON candidates (score);

-- +goose Down
DROP TABLE candidates;
DROP TABLE moves;
DROP TABLE decisions;
