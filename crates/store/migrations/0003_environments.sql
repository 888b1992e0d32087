-- ESC environments: definitions, their revisions, sessions, and the installation's keys.
-- One text for both engines. Times are microseconds UTC, ids 16 bytes (house law 9). Secrets stand nowhere in clear: in
-- definitions they are sealed with the environment's key, and that key with the installation's master key.

CREATE TABLE environments (
  org_id BYTEA NOT NULL,
  id BYTEA NOT NULL PRIMARY KEY,
  project TEXT NOT NULL,
  name TEXT NOT NULL,
  owner_id BYTEA,                -- the user who owns it; NULL where a token of the organisation made it
  owner_login TEXT NOT NULL,
  owner_name TEXT NOT NULL,
  data_key BYTEA NOT NULL,       -- sealed with the master key, bound to the id
  latest BIGINT NOT NULL,        -- the newest revision that was written
  protected BOOLEAN NOT NULL,    -- against deletion
  created_at BIGINT NOT NULL,
  modified_at BIGINT NOT NULL,
  deleted_at BIGINT
);
CREATE UNIQUE INDEX environments_by_name ON environments (org_id, project, name) WHERE deleted_at IS NULL;

-- A revision never changes once it is written, but for its retraction.
CREATE TABLE environment_revisions (
  org_id BYTEA NOT NULL,
  env_id BYTEA NOT NULL,
  number BIGINT NOT NULL,        -- 1, 2, 3 …
  definition TEXT NOT NULL,      -- YAML, its secrets sealed
  creator_login TEXT NOT NULL,
  creator_name TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  retracted_at BIGINT,
  replacement BIGINT,            -- of a retracted one
  retracted_login TEXT,
  retracted_name TEXT,
  retracted_why TEXT,
  PRIMARY KEY (env_id, number)
);

CREATE TABLE environment_revision_tags (
  org_id BYTEA NOT NULL,
  env_id BYTEA NOT NULL,
  name TEXT NOT NULL,
  number BIGINT NOT NULL,
  editor_login TEXT NOT NULL,
  editor_name TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  modified_at BIGINT NOT NULL,
  PRIMARY KEY (env_id, name)
);

CREATE TABLE environment_tags (
  org_id BYTEA NOT NULL,
  env_id BYTEA NOT NULL,
  seq BIGINT NOT NULL,           -- position in lists
  id BYTEA NOT NULL,
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  editor_login TEXT NOT NULL,
  editor_name TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  modified_at BIGINT NOT NULL,
  PRIMARY KEY (env_id, name)
);

-- What each revision imports, as it is written there: who refers to whom.
CREATE TABLE environment_imports (
  org_id BYTEA NOT NULL,
  project TEXT NOT NULL,         -- of what is imported
  name TEXT NOT NULL,
  version TEXT NOT NULL,         -- a number or a tag; latest where none is written
  env_id BYTEA NOT NULL,         -- of the importer
  number BIGINT NOT NULL,        -- its revision
  PRIMARY KEY (env_id, number, project, name, version)
);
CREATE INDEX environment_imports_by_imported ON environment_imports (org_id, project, name, env_id, number);

-- What was opened: kept sealed until it expires, for whoever opened it.
CREATE TABLE environment_sessions (
  org_id BYTEA NOT NULL,
  id BYTEA NOT NULL PRIMARY KEY, -- SHA-256 of the id that clients show
  env_id BYTEA,                  -- NULL for a definition that is stored nowhere
  opener TEXT NOT NULL,          -- the user or token that opened it
  data_key BYTEA NOT NULL,       -- sealed with the master key, bound to the id
  result BYTEA NOT NULL,         -- sealed with that key
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE INDEX environment_sessions_by_expiry ON environment_sessions (expires_at);
CREATE INDEX environment_sessions_by_environment ON environment_sessions (env_id);

-- Which master key this database was written with.
CREATE TABLE master_keys (
  id BYTEA NOT NULL PRIMARY KEY, -- fingerprint
  proof BYTEA NOT NULL,          -- the fingerprint, sealed with the key
  created_at BIGINT NOT NULL
);

-- Keys that identity tokens are signed with.
CREATE TABLE signing_keys (
  id TEXT NOT NULL PRIMARY KEY,  -- `kid`
  issuer TEXT NOT NULL,          -- v1 | v2
  private_key BYTEA NOT NULL,    -- PKCS #8, sealed with the master key, bound to the id
  public_key TEXT NOT NULL,      -- JSON Web Key
  created_at BIGINT NOT NULL,
  signs_until BIGINT NOT NULL,   -- then a newer one signs
  shown_until BIGINT NOT NULL    -- then its last token has expired
);
