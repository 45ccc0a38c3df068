-- +goose Up
CREATE TABLE meta (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
);

CREATE TABLE streams (
  connection TEXT NOT NULL,
  stream TEXT NOT NULL,
  connector TEXT NOT NULL,
  cursor_text TEXT NOT NULL DEFAULT '',
  status TEXT NOT NULL DEFAULT 'never',
  records BIGINT NOT NULL DEFAULT 0,
  changed BIGINT NOT NULL DEFAULT 0,
  total BIGINT NOT NULL DEFAULT 0,
  started_at BIGINT NOT NULL DEFAULT 0,
  succeeded_at BIGINT NOT NULL DEFAULT 0,
  failed_at BIGINT NOT NULL DEFAULT 0,
  backfilled_at BIGINT NOT NULL DEFAULT 0,
  error TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (connection, stream)
);

CREATE TABLE records (
  id {{key}},
  connection TEXT NOT NULL,
  stream TEXT NOT NULL,
  rid TEXT NOT NULL,
  version BIGINT NOT NULL,
  observed_at BIGINT NOT NULL,
  hash TEXT NOT NULL
);
CREATE UNIQUE INDEX records_ref ON records (connection, stream, rid);

CREATE TABLE versions (
  record BIGINT NOT NULL,
  version BIGINT NOT NULL,
  observed_at BIGINT NOT NULL,
  hash TEXT NOT NULL,
  deleted BIGINT NOT NULL,
  raw {{bytes}},
  recorded_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX versions_order ON versions (record, version, observed_at, hash);

CREATE TABLE entities (
  id {{key}},
  name TEXT NOT NULL,
  record BIGINT NOT NULL,
  kind TEXT NOT NULL,
  hash TEXT NOT NULL,
  deleted BIGINT NOT NULL,
  version BIGINT NOT NULL,
  at BIGINT NOT NULL,
  doc TEXT NOT NULL,
  node TEXT NOT NULL DEFAULT '',
  cluster TEXT NOT NULL DEFAULT '',
  customer TEXT NOT NULL DEFAULT '',
  why TEXT NOT NULL DEFAULT '',
  due_at BIGINT NOT NULL DEFAULT 0,
  clocked BIGINT NOT NULL DEFAULT 0,
  search TEXT NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX entities_name ON entities (name);
CREATE INDEX entities_record ON entities (record);
CREATE INDEX entities_customer ON entities (customer, kind);
CREATE INDEX entities_node ON entities (node) WHERE node <> '';
CREATE INDEX entities_cluster ON entities (cluster) WHERE cluster <> '';
CREATE INDEX entities_due ON entities (due_at) WHERE due_at > 0;

CREATE TABLE keys (
  entity BIGINT NOT NULL,
  role TEXT NOT NULL,
  n BIGINT NOT NULL,
  name TEXT NOT NULL,
  PRIMARY KEY (entity, role, n)
);
CREATE INDEX keys_name ON keys (name, role, entity);

CREATE TABLE events (
  id {{key}},
  eid TEXT NOT NULL,
  revision BIGINT NOT NULL,
  type TEXT NOT NULL,
  entity BIGINT NOT NULL,
  customer TEXT NOT NULL,
  clock BIGINT NOT NULL,
  occurred_at BIGINT NOT NULL,
  recorded_at BIGINT NOT NULL,
  superseded_at BIGINT NOT NULL DEFAULT 0,
  content TEXT NOT NULL,
  doc TEXT NOT NULL
);
CREATE UNIQUE INDEX events_eid ON events (eid, revision);
CREATE INDEX events_customer ON events (customer, occurred_at, eid) WHERE superseded_at = 0;
CREATE INDEX events_entity ON events (entity) WHERE superseded_at = 0;

CREATE TABLE customers (
  id TEXT PRIMARY KEY,
  type TEXT NOT NULL,
  name TEXT NOT NULL DEFAULT '',
  search TEXT NOT NULL DEFAULT '',
  domain TEXT NOT NULL DEFAULT '',
  fields TEXT NOT NULL DEFAULT '[]',
  gone BIGINT NOT NULL DEFAULT 0,
  dirty BIGINT NOT NULL DEFAULT 1,
  stage TEXT NOT NULL DEFAULT '',
  stage_since BIGINT NOT NULL DEFAULT 0,
  score DOUBLE PRECISION,
  band TEXT NOT NULL DEFAULT '',
  mrr BIGINT,
  currency TEXT NOT NULL DEFAULT '',
  next_at BIGINT NOT NULL DEFAULT 0,
  assessed BIGINT NOT NULL DEFAULT 0,
  assessment TEXT NOT NULL DEFAULT '',
  sequence BIGINT NOT NULL DEFAULT 0,
  first_seen_at BIGINT NOT NULL DEFAULT 0,
  last_event_at BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX customers_dirty ON customers (id) WHERE dirty = 1;
CREATE INDEX customers_next ON customers (next_at) WHERE next_at > 0;
CREATE INDEX customers_search ON customers (search, id) WHERE gone = 0;
CREATE INDEX customers_stage ON customers (stage, search, id) WHERE gone = 0;

CREATE TABLE assessments (
  customer TEXT NOT NULL,
  n BIGINT NOT NULL,
  at BIGINT NOT NULL,
  recorded_at BIGINT NOT NULL,
  doc TEXT NOT NULL,
  PRIMARY KEY (customer, n)
);

CREATE TABLE outbox (
  position {{key}},
  change TEXT NOT NULL,
  customer TEXT NOT NULL,
  type TEXT NOT NULL,
  recorded_at BIGINT NOT NULL,
  doc TEXT NOT NULL
);
CREATE UNIQUE INDEX outbox_change ON outbox (change);

CREATE TABLE deliveries (
  n {{key}},
  id TEXT NOT NULL,
  endpoint TEXT NOT NULL,
  change TEXT NOT NULL,
  type TEXT NOT NULL,
  customer TEXT NOT NULL,
  state TEXT NOT NULL,
  reason TEXT NOT NULL DEFAULT '',
  attempts BIGINT NOT NULL DEFAULT 0,
  next_at BIGINT NOT NULL DEFAULT 0,
  leased_until BIGINT NOT NULL DEFAULT 0,
  created_at BIGINT NOT NULL,
  ended_at BIGINT NOT NULL DEFAULT 0,
  last_status BIGINT NOT NULL DEFAULT 0,
  body TEXT NOT NULL
);
CREATE UNIQUE INDEX deliveries_id ON deliveries (id);
CREATE INDEX deliveries_due ON deliveries (endpoint, next_at, n) WHERE state = 'pending';
CREATE INDEX deliveries_state ON deliveries (state, n);
CREATE INDEX deliveries_customer ON deliveries (customer, n);

CREATE TABLE attempts (
  delivery TEXT NOT NULL,
  no BIGINT NOT NULL,
  at BIGINT NOT NULL,
  took BIGINT NOT NULL,
  status BIGINT NOT NULL,
  error TEXT NOT NULL,
  response TEXT NOT NULL,
  PRIMARY KEY (delivery, no)
);

CREATE TABLE pushed (
  connection TEXT NOT NULL,
  stream TEXT NOT NULL,
  rid TEXT NOT NULL,
  field TEXT NOT NULL,
  wanted TEXT NOT NULL,
  acked TEXT NOT NULL,
  has_acked BIGINT NOT NULL,
  state TEXT NOT NULL,
  reason TEXT NOT NULL,
  customer TEXT NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (connection, stream, rid, field)
);

CREATE TABLE dead_letters (
  id TEXT PRIMARY KEY,
  connection TEXT NOT NULL,
  stream TEXT NOT NULL,
  rid TEXT NOT NULL,
  code TEXT NOT NULL,
  path TEXT NOT NULL,
  reason TEXT NOT NULL,
  hint TEXT NOT NULL,
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
