-- +goose Up
CREATE TABLE meta (
  name {{text}} PRIMARY KEY,
  value {{text}} NOT NULL
);

CREATE TABLE streams (
  connection {{text}} NOT NULL,
  stream {{text}} NOT NULL,
  connector {{text}} NOT NULL,
  cursor_text {{text}} NOT NULL DEFAULT '',
  status {{text}} NOT NULL DEFAULT 'never',
  records BIGINT NOT NULL DEFAULT 0,
  changed BIGINT NOT NULL DEFAULT 0,
  total BIGINT NOT NULL DEFAULT 0,
  started_at BIGINT NOT NULL DEFAULT 0,
  succeeded_at BIGINT NOT NULL DEFAULT 0,
  failed_at BIGINT NOT NULL DEFAULT 0,
  backfilled_at BIGINT NOT NULL DEFAULT 0,
  error {{text}} NOT NULL DEFAULT '',
  PRIMARY KEY (connection, stream)
);

CREATE TABLE records (
  id {{key}},
  connection {{text}} NOT NULL,
  stream {{text}} NOT NULL,
  rid {{text}} NOT NULL,
  version BIGINT NOT NULL,
  observed_at BIGINT NOT NULL,
  hash {{text}} NOT NULL
);
CREATE UNIQUE INDEX records_ref ON records (connection, stream, rid);

CREATE TABLE versions (
  record BIGINT NOT NULL,
  version BIGINT NOT NULL,
  observed_at BIGINT NOT NULL,
  hash {{text}} NOT NULL,
  deleted BIGINT NOT NULL,
  raw {{bytes}},
  recorded_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX versions_order ON versions (record, version, observed_at, hash);

CREATE TABLE entities (
  id {{key}},
  name {{text}} NOT NULL,
  record BIGINT NOT NULL,
  kind {{text}} NOT NULL,
  hash {{text}} NOT NULL,
  deleted BIGINT NOT NULL,
  version BIGINT NOT NULL,
  at BIGINT NOT NULL,
  doc {{text}} NOT NULL,
  node {{text}} NOT NULL DEFAULT '',
  cluster {{text}} NOT NULL DEFAULT '',
  customer {{text}} NOT NULL DEFAULT '',
  why {{text}} NOT NULL DEFAULT '',
  due_at BIGINT NOT NULL DEFAULT 0,
  clocked BIGINT NOT NULL DEFAULT 0,
  search {{text}} NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX entities_name ON entities (name);
CREATE INDEX entities_record ON entities (record);
CREATE INDEX entities_customer ON entities (customer, kind);
CREATE INDEX entities_node ON entities (node) WHERE node <> '';
CREATE INDEX entities_cluster ON entities (cluster) WHERE cluster <> '';
CREATE INDEX entities_due ON entities (due_at) WHERE due_at > 0;

CREATE TABLE keys (
  entity BIGINT NOT NULL,
  role {{text}} NOT NULL,
  n BIGINT NOT NULL,
  name {{text}} NOT NULL,
  PRIMARY KEY (entity, role, n)
);
CREATE INDEX keys_name ON keys (name, role, entity);

CREATE TABLE events (
  id {{key}},
  eid {{text}} NOT NULL,
  revision BIGINT NOT NULL,
  type {{text}} NOT NULL,
  entity BIGINT NOT NULL,
  customer {{text}} NOT NULL,
  clock BIGINT NOT NULL,
  occurred_at BIGINT NOT NULL,
  recorded_at BIGINT NOT NULL,
  superseded_at BIGINT NOT NULL DEFAULT 0,
  content {{text}} NOT NULL,
  doc {{text}} NOT NULL
);
CREATE UNIQUE INDEX events_eid ON events (eid, revision);
CREATE INDEX events_customer ON events (customer, occurred_at, eid) WHERE superseded_at = 0;
CREATE INDEX events_time ON events (occurred_at, eid) WHERE superseded_at = 0;
CREATE INDEX events_entity ON events (entity) WHERE entity > 0;

CREATE TABLE customers (
  id {{text}} PRIMARY KEY,
  type {{text}} NOT NULL,
  name {{text}} NOT NULL DEFAULT '',
  search {{text}} NOT NULL DEFAULT '',
  domain {{text}} NOT NULL DEFAULT '',
  fields {{text}} NOT NULL DEFAULT '[]',
  gone BIGINT NOT NULL DEFAULT 0,
  dirty BIGINT NOT NULL DEFAULT 1,
  stage {{text}} NOT NULL DEFAULT '',
  stage_since BIGINT NOT NULL DEFAULT 0,
  score DOUBLE PRECISION,
  band {{text}} NOT NULL DEFAULT '',
  mrr BIGINT,
  currency {{text}} NOT NULL DEFAULT '',
  next_at BIGINT NOT NULL DEFAULT 0,
  assessed BIGINT NOT NULL DEFAULT 0,
  assessment {{text}} NOT NULL DEFAULT '',
  sequence BIGINT NOT NULL DEFAULT 0,
  first_seen_at BIGINT NOT NULL DEFAULT 0,
  last_event_at BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX customers_dirty ON customers (id) WHERE dirty = 1;
CREATE INDEX customers_next ON customers (next_at) WHERE next_at > 0;
CREATE INDEX customers_search ON customers (search, id) WHERE gone = 0;
CREATE INDEX customers_stage ON customers (stage, search, id) WHERE gone = 0;

CREATE TABLE assessments (
  customer {{text}} NOT NULL,
  n BIGINT NOT NULL,
  at BIGINT NOT NULL,
  recorded_at BIGINT NOT NULL,
  doc {{text}} NOT NULL,
  PRIMARY KEY (customer, n)
);

CREATE TABLE outbox (
  position {{key}},
  change {{text}} NOT NULL,
  customer {{text}} NOT NULL,
  type {{text}} NOT NULL,
  recorded_at BIGINT NOT NULL,
  doc {{text}} NOT NULL
);
CREATE UNIQUE INDEX outbox_change ON outbox (change);

CREATE TABLE deliveries (
  n {{key}},
  id {{text}} NOT NULL,
  endpoint {{text}} NOT NULL,
  change {{text}} NOT NULL,
  type {{text}} NOT NULL,
  customer {{text}} NOT NULL,
  state {{text}} NOT NULL,
  reason {{text}} NOT NULL DEFAULT '',
  attempts BIGINT NOT NULL DEFAULT 0,
  next_at BIGINT NOT NULL DEFAULT 0,
  leased_until BIGINT NOT NULL DEFAULT 0,
  created_at BIGINT NOT NULL,
  ended_at BIGINT NOT NULL DEFAULT 0,
  last_status BIGINT NOT NULL DEFAULT 0,
  body {{text}} NOT NULL
);
CREATE UNIQUE INDEX deliveries_id ON deliveries (id);
CREATE INDEX deliveries_due ON deliveries (endpoint, next_at, n) WHERE state = 'pending';
CREATE INDEX deliveries_lane ON deliveries (endpoint, customer, n) WHERE state = 'pending';
CREATE INDEX deliveries_state ON deliveries (state, n);
CREATE INDEX deliveries_customer ON deliveries (customer, n);

CREATE TABLE attempts (
  delivery {{text}} NOT NULL,
  no BIGINT NOT NULL,
  at BIGINT NOT NULL,
  took BIGINT NOT NULL,
  status BIGINT NOT NULL,
  error {{text}} NOT NULL,
  response {{text}} NOT NULL,
  PRIMARY KEY (delivery, no)
);

CREATE TABLE pushed (
  connection {{text}} NOT NULL,
  stream {{text}} NOT NULL,
  rid {{text}} NOT NULL,
  field {{text}} NOT NULL,
  wanted {{text}} NOT NULL,
  acked {{text}} NOT NULL,
  has_acked BIGINT NOT NULL,
  state {{text}} NOT NULL,
  reason {{text}} NOT NULL,
  customer {{text}} NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (connection, stream, rid, field)
);

CREATE TABLE dead_letters (
  id {{text}} PRIMARY KEY,
  connection {{text}} NOT NULL,
  stream {{text}} NOT NULL,
  rid {{text}} NOT NULL,
  code {{text}} NOT NULL,
  path {{text}} NOT NULL,
  reason {{text}} NOT NULL,
  hint {{text}} NOT NULL,
  version BIGINT NOT NULL,
  raw {{bytes}},
  occurred_at BIGINT NOT NULL,
  recorded_at BIGINT NOT NULL
);
CREATE INDEX dead_letters_ref ON dead_letters (connection, stream, rid);

-- +goose Down
DROP TABLE dead_letters;
DROP TABLE pushed;
DROP TABLE attempts;
DROP TABLE deliveries;
DROP TABLE outbox;
DROP TABLE assessments;
DROP TABLE customers;
DROP TABLE events;
DROP TABLE keys;
DROP TABLE entities;
DROP TABLE versions;
DROP TABLE records;
DROP TABLE streams;
DROP TABLE meta;
