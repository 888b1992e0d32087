-- Insights: accounts, who may use them, when they are scanned, what scans did and what they found.
-- One text for both engines. Times are microseconds UTC, ids 16 bytes, JSON is TEXT (house law 9).
-- A "root" is an account that people made; a "leaf" is what is scanned and holds resources: a child of an AWS root
-- (`<root>/<region>`, `<root>/global`), or the root itself for the other clouds.

CREATE TABLE accounts (
  org_id BYTEA NOT NULL,
  id BYTEA NOT NULL PRIMARY KEY,
  root_id BYTEA NOT NULL,        -- the root above it; its own id for a root
  parent_id BYTEA,               -- NULL for a root
  name TEXT NOT NULL,            -- decoded, whole: a child's is <root>/<place>
  place TEXT,                    -- child: a region, or global; NULL for a root
  provider TEXT NOT NULL,        -- aws | gcp | azure-native | oci | kubernetes
  env_project TEXT NOT NULL,     -- a child's are its root's, kept equal
  env_name TEXT NOT NULL,
  env_version TEXT,              -- a revision's number or a version tag; NULL: the latest
  config TEXT NOT NULL,          -- JSON object: providerConfig as it was given
  agent_pool TEXT,
  owner_id BYTEA,                -- the user who owns it; NULL where a token of the organisation made it
  owner_login TEXT NOT NULL,
  cloud_account TEXT,            -- the cloud's own id of it, fixed at the first successful opening
  cloud_partition TEXT,          -- aws | aws-us-gov | aws-cn | …
  excluded TEXT NOT NULL,        -- root: the places whose children were deleted by hand, with blanks between
  last_scan_id BYTEA,            -- leaf: the newest scan, whatever became of it
  resource_count BIGINT,         -- leaf: after the last succeeded scan; NULL before it
  scanned_at BIGINT,             -- leaf: when its last succeeded scan finished
  created_at BIGINT NOT NULL,
  modified_at BIGINT NOT NULL,
  UNIQUE (name, org_id)
);
-- None of these begins with org_id, which planners without statistics would prefer to what narrows more.
CREATE INDEX accounts_by_parent ON accounts (parent_id, org_id, name);
CREATE INDEX accounts_by_environment ON accounts (env_project, env_name, org_id);

-- Tags of roots; children have their root's.
CREATE TABLE account_tags (
  org_id BYTEA NOT NULL,
  account_id BYTEA NOT NULL,
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  modified_at BIGINT NOT NULL,
  PRIMARY KEY (account_id, name)
);

-- What teams may do on roots; the same holds for their children. No row: nothing.
CREATE TABLE account_teams (
  org_id BYTEA NOT NULL,
  account_id BYTEA NOT NULL,
  team_id BYTEA NOT NULL,
  permission BIGINT NOT NULL,    -- 0 none | 1 read | 2 write | 3 admin
  PRIMARY KEY (account_id, team_id)
);
CREATE INDEX account_teams_by_team ON account_teams (org_id, team_id);

-- What is still to be swept away of deleted accounts: resources, versions, edges, scans, lines.
CREATE TABLE account_trash (
  org_id BYTEA NOT NULL,
  account_id BYTEA NOT NULL PRIMARY KEY,
  at BIGINT NOT NULL
);

-- When a root is scanned by itself, and how (the settings of its scans). One row per root that has either.
CREATE TABLE scan_schedules (
  org_id BYTEA NOT NULL,
  account_id BYTEA NOT NULL PRIMARY KEY,
  schedule TEXT NOT NULL,        -- none | 12h | daily | cron
  cron TEXT,                     -- five fields, UTC; NULL where there is no schedule
  paused BOOLEAN NOT NULL,
  options TEXT NOT NULL,         -- JSON object: batchSize, listConcurrency, readConcurrency, readTimeout
  spread BIGINT NOT NULL,        -- microseconds by which this account starts after the minute that cron names
  due_at BIGINT,                 -- when it starts next, spread included; NULL: never (no schedule, or paused)
  due_for BIGINT,                -- the cron time that due_at stands for; NULL for the first scan
  last_due_for BIGINT,           -- the cron time that was started last, so that none is started twice
  created_at BIGINT NOT NULL,
  modified_at BIGINT NOT NULL
);
CREATE INDEX scan_schedules_due ON scan_schedules (due_at);

-- Runs. A run of a root is one row per leaf with the same batch_id.
CREATE TABLE scans (
  org_id BYTEA NOT NULL,
  id BYTEA NOT NULL PRIMARY KEY,
  root_id BYTEA NOT NULL,
  account_id BYTEA NOT NULL,     -- the leaf
  batch_id BYTEA NOT NULL,       -- what was started together; its own id where alone
  cause TEXT NOT NULL,           -- manual | first | scheduled
  user_id BYTEA,                 -- who started it; NULL: the schedule, or a token of the organisation
  login TEXT NOT NULL,           -- the same for people to read
  state TEXT NOT NULL,           -- running | succeeded | failed (queued ones are running, with their job not-started)
  failure TEXT,                  -- failed: why, in one line
  options TEXT NOT NULL,         -- JSON object
  environment TEXT NOT NULL,     -- project/name@revision, once opened; before: as the account names it
  started_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  finished_at BIGINT,
  timeout_at BIGINT NOT NULL,
  resource_count BIGINT,         -- found by it, so far
  types_done BIGINT NOT NULL,
  types_total BIGINT NOT NULL,
  calls BIGINT NOT NULL,
  throttles BIGINT NOT NULL,
  next_line BIGINT NOT NULL,     -- the number that its next log line gets
  cancel_login TEXT,             -- who canceled it
  -- The lease: whoever holds it works on the scan, and writes only while the fence is still his.
  holder TEXT,
  fence BIGINT NOT NULL,
  lease_until BIGINT NOT NULL,   -- 0: free
  attempts BIGINT NOT NULL
);
-- Runs of one account never overlap.
CREATE UNIQUE INDEX scans_one_at_a_time ON scans (account_id) WHERE state = 'running';
CREATE INDEX scans_by_account ON scans (account_id, id);
CREATE INDEX scans_by_root ON scans (root_id, id);
CREATE INDEX scans_by_org ON scans (org_id, id);
CREATE INDEX scans_by_lease ON scans (state, lease_until);

CREATE TABLE scan_jobs (
  scan_id BYTEA NOT NULL,
  job BIGINT NOT NULL,           -- from 0
  status TEXT NOT NULL,          -- not-started | accepted | running | failed | succeeded | skipped
  started_at BIGINT,
  updated_at BIGINT,
  timeout BIGINT NOT NULL,       -- nanoseconds
  worker TEXT,                   -- the node
  PRIMARY KEY (scan_id, job)
);

CREATE TABLE scan_steps (
  scan_id BYTEA NOT NULL,
  job BIGINT NOT NULL,
  step BIGINT NOT NULL,          -- from 0
  name TEXT NOT NULL,
  status TEXT NOT NULL,          -- not-started | running | failed | succeeded
  started_at BIGINT,
  updated_at BIGINT,
  PRIMARY KEY (scan_id, job, step)
);

CREATE TABLE scan_lines (
  scan_id BYTEA NOT NULL,
  seq BIGINT NOT NULL,           -- from 0, without gaps
  job BIGINT NOT NULL,
  step BIGINT NOT NULL,
  at BIGINT NOT NULL,            -- 0 for a header
  header BOOLEAN NOT NULL,       -- the line is a step's name
  line TEXT NOT NULL,
  PRIMARY KEY (scan_id, seq)
);
CREATE INDEX scan_lines_by_step ON scan_lines (scan_id, job, step, seq);

-- The coverage statement: what became of each type in each place.
CREATE TABLE scan_coverage (
  scan_id BYTEA NOT NULL,
  place TEXT NOT NULL,           -- a region, or global
  type_token TEXT NOT NULL,
  outcome TEXT NOT NULL,         -- listed | denied | throttled | unsupported | needs-parent | failed | skipped
  listed BIGINT,                 -- listed: how many
  action TEXT,                   -- denied: the missing permission
  code TEXT,                     -- failed: the cloud's code
  message TEXT,                  -- denied, failed, skipped: what the cloud said, or why
  calls BIGINT NOT NULL,
  micros BIGINT NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (scan_id, place, type_token)
);

-- Leases of background work that is not about one scan.
CREATE TABLE leases (
  name TEXT NOT NULL PRIMARY KEY,
  holder TEXT NOT NULL,
  fence BIGINT NOT NULL,
  until BIGINT NOT NULL
);

-- Resources of leaves. `key` is the first 16 bytes of SHA-256 of `type::id`. A scan that finds a resource unchanged
-- writes nothing here: it has been seen by the last complete listing of its type, unless unseen_since says otherwise.
CREATE TABLE resources (
  org_id BYTEA NOT NULL,
  root_id BYTEA NOT NULL,
  account_id BYTEA NOT NULL,
  key BYTEA NOT NULL,
  type_token TEXT NOT NULL,
  id TEXT NOT NULL,
  name TEXT,
  arn TEXT,
  version BIGINT NOT NULL,       -- the newest, from 1
  hash BYTEA NOT NULL,           -- of the newest version: SHA-256 of the canonical JSON without volatile properties
  first_seen_at BIGINT NOT NULL,
  modified_at BIGINT NOT NULL,   -- when the newest version was made
  unseen_since BIGINT,           -- not found, and its absence not proved, since this scan's start
  gone_at BIGINT,                -- proved absent
  PRIMARY KEY (account_id, key)
);
CREATE INDEX resources_by_type ON resources (account_id, type_token, key);
CREATE INDEX resources_by_id ON resources (root_id, id);
CREATE INDEX resources_by_arn ON resources (root_id, arn);

CREATE TABLE resource_versions (
  account_id BYTEA NOT NULL,
  key BYTEA NOT NULL,
  version BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  gone_at BIGINT,                -- the resource was proved absent while this was its version
  scan_id BYTEA,                 -- NULL: reported by a client
  hash BYTEA NOT NULL,
  state TEXT NOT NULL,           -- canonical JSON, redacted
  inputs TEXT,                   -- JSON, where a client reported them
  PRIMARY KEY (account_id, key, version)
);

-- What one version of a resource mentions of other resources: the property's path and the text that was matched, and
-- whose it is where that is known (of the same root; an ARN may be known later than it is mentioned).
CREATE TABLE resource_edges (
  account_id BYTEA NOT NULL,
  key BYTEA NOT NULL,
  version BIGINT NOT NULL,
  path TEXT NOT NULL,            -- a JSON pointer into state; for reported dependencies: the empty text and a number
  handle TEXT NOT NULL,          -- the ARN or id that stands there
  dest_account_id BYTEA,
  dest_key BYTEA,
  PRIMARY KEY (account_id, key, version, path)
);
CREATE INDEX resource_edges_by_dest ON resource_edges (dest_account_id, dest_key);
CREATE INDEX resource_edges_open ON resource_edges (handle) WHERE dest_key IS NULL;
