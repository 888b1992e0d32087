-- One text for both engines: SQLite takes BYTEA, BIGINT and BOOLEAN as they stand.
-- Times are microseconds UTC, ids 16 bytes, JSON is TEXT (house law 9).

-- Names of users and organisations: one namespace, never reused. `name` is lower case.
CREATE TABLE names (
  name TEXT NOT NULL PRIMARY KEY,
  kind TEXT NOT NULL,            -- user | organization
  created_at BIGINT NOT NULL
);

CREATE TABLE users (
  id BYTEA NOT NULL PRIMARY KEY,
  login TEXT NOT NULL,           -- as it was written; unique by names
  login_key TEXT NOT NULL UNIQUE,-- lower case
  name TEXT NOT NULL,
  email TEXT NOT NULL,
  site_admin BOOLEAN NOT NULL,
  disabled BOOLEAN NOT NULL,
  default_org BYTEA,
  created_at BIGINT NOT NULL,
  deleted_at BIGINT              -- deleted users stay, so that their login is never another's
);

CREATE TABLE organizations (
  id BYTEA NOT NULL PRIMARY KEY,
  log BIGINT NOT NULL UNIQUE,    -- the number of its audit log; 0 is the site's
  name TEXT NOT NULL,
  name_key TEXT NOT NULL UNIQUE, -- lower case
  display_name TEXT NOT NULL,
  settings TEXT NOT NULL,        -- JSON
  default_role BYTEA,            -- custom role of new members
  created_at BIGINT NOT NULL
);

CREATE TABLE roles (
  org_id BYTEA NOT NULL,
  id BYTEA NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  description TEXT NOT NULL,
  resource_type TEXT NOT NULL,
  ux_purpose TEXT NOT NULL,
  details TEXT NOT NULL,         -- JSON: the permission descriptor
  version BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  modified_at BIGINT NOT NULL,
  UNIQUE (org_id, name)
);

CREATE TABLE members (
  org_id BYTEA NOT NULL,
  user_id BYTEA NOT NULL,
  role TEXT NOT NULL,            -- member | admin | billing-manager
  role_id BYTEA,                 -- the custom role, if any (role is then member)
  created_at BIGINT NOT NULL,
  PRIMARY KEY (org_id, user_id)
);
CREATE INDEX members_by_user ON members (user_id);
CREATE INDEX members_by_role ON members (org_id, role_id);

CREATE TABLE teams (
  org_id BYTEA NOT NULL,
  id BYTEA NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  display_name TEXT NOT NULL,
  description TEXT NOT NULL,
  role_id BYTEA,
  created_at BIGINT NOT NULL,
  UNIQUE (org_id, name)
);

CREATE TABLE team_members (
  org_id BYTEA NOT NULL,
  team_id BYTEA NOT NULL,
  user_id BYTEA NOT NULL,
  role TEXT NOT NULL,            -- member | admin
  created_at BIGINT NOT NULL,
  PRIMARY KEY (team_id, user_id)
);
CREATE INDEX team_members_by_user ON team_members (org_id, user_id);

CREATE TABLE tokens (
  id BYTEA NOT NULL PRIMARY KEY,
  hash BYTEA NOT NULL UNIQUE,    -- SHA-256 of the value
  kind TEXT NOT NULL,            -- personal | organization | team
  user_id BYTEA,                 -- personal: whose
  org_id BYTEA,                  -- organization, team: whose; personal: set where OIDC made it for one organisation
  team_id BYTEA,
  name TEXT NOT NULL,            -- organization, team: unique in the organisation, deleted ones included
  description TEXT NOT NULL,
  admin BOOLEAN NOT NULL,
  role_id BYTEA,
  issuer_id BYTEA,               -- the OIDC issuer that it came from
  created_by TEXT NOT NULL,      -- login
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,    -- 0: never
  last_used_at BIGINT NOT NULL,  -- 0: never
  last_login_at BIGINT NOT NULL, -- 0: never; when user-login was last recorded
  deleted_at BIGINT
);
CREATE INDEX tokens_by_user ON tokens (user_id, id);
CREATE INDEX tokens_by_org ON tokens (org_id, kind, id);
CREATE INDEX tokens_by_org_name ON tokens (org_id, name);

CREATE TABLE oidc_issuers (
  org_id BYTEA NOT NULL,
  id BYTEA NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  url TEXT NOT NULL,
  issuer TEXT NOT NULL,
  jwks TEXT,                     -- JSON, where statically configured
  thumbprints TEXT NOT NULL,     -- JSON: the list, and whether one of it is required
  max_expiration BIGINT,         -- seconds
  created_at BIGINT NOT NULL,
  modified_at BIGINT NOT NULL,
  last_used_at BIGINT NOT NULL,
  UNIQUE (org_id, url)
);

CREATE TABLE auth_policies (
  org_id BYTEA NOT NULL,
  id BYTEA NOT NULL PRIMARY KEY,
  issuer_id BYTEA NOT NULL UNIQUE,
  version BIGINT NOT NULL,
  policies TEXT NOT NULL,        -- JSON list
  created_at BIGINT NOT NULL,
  modified_at BIGINT NOT NULL
);

-- The counter of each audit log: the last thing that a writing transaction takes.
CREATE TABLE audit_counters (
  log BIGINT NOT NULL PRIMARY KEY,
  seq BIGINT NOT NULL,           -- of the last event
  at BIGINT NOT NULL             -- time of the last event
);
INSERT INTO audit_counters (log, seq, at) VALUES (0, 0, 0);

-- When a caller's reading of the log with a filter was last recorded (`audit-log-read` is coalesced).
CREATE TABLE audit_reads (
  log BIGINT NOT NULL,
  reader TEXT NOT NULL,          -- actor and filter, hashed
  at BIGINT NOT NULL,
  PRIMARY KEY (log, reader)
);
