-- Environments, further: rotations of secrets, their schedules, and the state of the installation's master key.
-- One text for both engines. Times are microseconds UTC, ids 16 bytes (house law 9).

-- One rotation. It is written before anything is rotated, so that what a crash leaves half done is known.
CREATE TABLE environment_rotations (
  org_id BYTEA NOT NULL,
  id BYTEA NOT NULL PRIMARY KEY,
  env_id BYTEA NOT NULL,
  pre_revision BIGINT NOT NULL,
  post_revision BIGINT,          -- NULL: no revision was made
  by_id TEXT NOT NULL,           -- the user's id; the login of others
  by_login TEXT NOT NULL,        -- whom the revision will be by
  by_name TEXT NOT NULL,
  schedule_id BYTEA,             -- the schedule that it is of
  schedule_version BIGINT,       -- and that schedule's version then
  status TEXT NOT NULL,          -- in_progress | succeeded | failed
  error TEXT,                    -- of a failed one
  created_at BIGINT NOT NULL,
  completed_at BIGINT,
  lease_until BIGINT NOT NULL    -- in progress: nobody works on it any more if this is past
);
-- Rotations of one environment never overlap.
CREATE UNIQUE INDEX environment_rotations_one_at_a_time ON environment_rotations (env_id) WHERE status = 'in_progress';
CREATE INDEX environment_rotations_by_environment ON environment_rotations (env_id, id);
CREATE INDEX environment_rotations_by_schedule ON environment_rotations (schedule_id, id);
CREATE INDEX environment_rotations_running ON environment_rotations (lease_until) WHERE status = 'in_progress';

-- What became of each secret of a rotation.
CREATE TABLE environment_rotated_secrets (
  org_id BYTEA NOT NULL,
  rotation_id BYTEA NOT NULL,
  id BYTEA NOT NULL,
  path TEXT NOT NULL,            -- below values
  rotator TEXT NOT NULL,
  status TEXT NOT NULL,          -- in_progress | succeeded | failed
  error TEXT,
  made BYTEA,                    -- the new state, sealed with the environment's key, until a revision holds it
  PRIMARY KEY (rotation_id, path)
);

-- Credentials that no definition holds any more and that are still to be taken away where they came from.
CREATE TABLE environment_retired_credentials (
  org_id BYTEA NOT NULL,
  id BYTEA NOT NULL PRIMARY KEY,
  env_id BYTEA NOT NULL,
  rotation_id BYTEA NOT NULL,    -- the one that replaced it
  path TEXT NOT NULL,
  rotator TEXT NOT NULL,
  credential BYTEA NOT NULL,     -- sealed with the environment's key
  created_at BIGINT NOT NULL
);
CREATE INDEX environment_retired_credentials_by_path ON environment_retired_credentials (env_id, path);

-- When an environment is rotated by itself.
CREATE TABLE environment_schedules (
  org_id BYTEA NOT NULL,
  id BYTEA NOT NULL PRIMARY KEY,
  env_id BYTEA NOT NULL,
  cron TEXT,                     -- five fields, UTC; NULL for a single time
  once_at BIGINT,                -- that time
  path TEXT NOT NULL,            -- what is rotated; empty for everything
  paused BOOLEAN NOT NULL,
  spread BIGINT NOT NULL,        -- microseconds by which it starts after the minute that cron names
  due_at BIGINT,                 -- when it starts next, spread included; NULL: never
  due_for BIGINT,                -- the time that due_at stands for
  last_due_for BIGINT,           -- the time that was started last, so that none is started twice
  last_executed_at BIGINT,
  version BIGINT NOT NULL,       -- goes up with each change by people
  maker_user BYTEA,              -- who set it last: his rights, at the time of each rotation, are what counts
  maker_token BYTEA,             -- the token, where it was no person
  maker_login TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  modified_at BIGINT NOT NULL
);
-- One for each environment.
CREATE UNIQUE INDEX environment_schedules_by_environment ON environment_schedules (env_id);
CREATE INDEX environment_schedules_due ON environment_schedules (due_at);

-- The state of the master key: which one seals. One row.
CREATE TABLE master_key_state (
  one BIGINT NOT NULL PRIMARY KEY CHECK (one = 1),
  active BYTEA NOT NULL,         -- fingerprint of the key that seals
  retiring BYTEA,                -- fingerprint of the one before it, as long as something may be sealed with that
  root BYTEA NOT NULL,           -- what fingerprints of values are derived from; sealed with the master key
  changed_at BIGINT NOT NULL,
  changed_by TEXT NOT NULL       -- login
);

-- Running servers, and which master keys each of them holds.
CREATE TABLE master_key_holders (
  node BYTEA NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  held TEXT NOT NULL,            -- fingerprints in hexadecimal, with blanks between
  seen_at BIGINT NOT NULL
);

-- Which revision a session is of; NULL for a definition that is stored nowhere.
ALTER TABLE environment_sessions ADD COLUMN number BIGINT;

-- Environments that were deleted and can still be restored.
CREATE INDEX environments_deleted ON environments (org_id, deleted_at, id) WHERE deleted_at IS NOT NULL;

-- One key for each period of an issuer: nodes that make it at the same time agree on the first one.
CREATE UNIQUE INDEX signing_keys_by_period ON signing_keys (issuer, signs_until);
