-- +goose Up
CREATE TABLE play_states (
  customer {{text}} PRIMARY KEY,
  at BIGINT NOT NULL,
  next_at BIGINT NOT NULL DEFAULT 0,
  state {{text}} NOT NULL
);
CREATE INDEX play_states_due ON play_states (next_at, customer) WHERE next_at > 0;

CREATE TABLE firings (
  n {{key}},
  id {{text}} NOT NULL,
  play {{text}} NOT NULL,
  category {{text}} NOT NULL,
  mode {{text}} NOT NULL,
  customer {{text}} NOT NULL,
  at BIGINT NOT NULL,
  recorded_at BIGINT NOT NULL,
  suppressed {{text}} NOT NULL,
  holdout BIGINT NOT NULL,
  doc {{text}} NOT NULL
);
CREATE UNIQUE INDEX firings_id ON firings (id);
CREATE INDEX firings_play ON firings (play, at);
CREATE INDEX firings_customer ON firings (customer, at);
CREATE INDEX firings_at ON firings (at, id);

CREATE TABLE play_modes (
  seq {{key}},
  play {{text}} NOT NULL,
  mode {{text}} NOT NULL,
  author {{text}} NOT NULL,
  reason {{text}} NOT NULL,
  at BIGINT NOT NULL
);

-- +goose Down
DROP TABLE play_modes;
DROP TABLE firings;
DROP TABLE play_states;
