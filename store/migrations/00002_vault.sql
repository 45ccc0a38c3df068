-- +goose Up
CREATE TABLE vault (
  connection {{text}} NOT NULL,
  name {{text}} NOT NULL,
  value {{bytes}} NOT NULL,
  previous {{bytes}},
  changed_at BIGINT NOT NULL,
  PRIMARY KEY (connection, name)
);

CREATE TABLE vault_leases (
  connection {{text}} NOT NULL,
  name {{text}} NOT NULL,
  owner {{text}} NOT NULL,
  until BIGINT NOT NULL,
  PRIMARY KEY (connection, name)
);

-- +goose Down
DROP TABLE vault_leases;
DROP TABLE vault;
