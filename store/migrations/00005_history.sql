-- +goose Up
-- Both hold only statements that are no longer in force, so that they cost nothing where nothing is taken back.
CREATE INDEX events_past_customer ON events (customer, occurred_at, eid) WHERE superseded_at > 0;
CREATE INDEX events_past_time ON events (occurred_at, eid) WHERE superseded_at > 0;

-- +goose Down
DROP INDEX events_past_time;
DROP INDEX events_past_customer;
