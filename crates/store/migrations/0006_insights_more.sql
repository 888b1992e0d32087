-- Insights, continued. Same rules as in 0004.

-- Runs that are interrupted, and what they have behind them already.
ALTER TABLE scans ADD COLUMN lost BIGINT NOT NULL DEFAULT 0;         -- interruptions in a row before one more type was done
ALTER TABLE scans ADD COLUMN leads BOOLEAN NOT NULL DEFAULT FALSE;   -- of a batch: asks which regions are open, for its root
-- All that a listing means has been written (found, changed, absent): a run that begins anew leaves this type out.
ALTER TABLE scan_coverage ADD COLUMN settled BOOLEAN NOT NULL DEFAULT FALSE;
-- Resources whose type a run listed to the end without finding them: gone when the run succeeds.
CREATE TABLE scan_absent (
  scan_id BYTEA NOT NULL,
  key BYTEA NOT NULL,
  PRIMARY KEY (scan_id, key)
);
-- What may be forgotten is looked for by its end.
CREATE INDEX scans_by_end ON scans (finished_at, id);

-- A child whose region is not open: since when. It is left out when its root is scanned.
ALTER TABLE accounts ADD COLUMN closed_at BIGINT;

-- What teams may do with environments. No row: nothing.
CREATE TABLE environment_teams (
  org_id BYTEA NOT NULL,
  env_id BYTEA NOT NULL,
  team_id BYTEA NOT NULL,
  permission BIGINT NOT NULL,    -- 0 none | 1 read | 2 open | 3 write | 4 admin
  longest_open BIGINT,           -- seconds for which they may keep it open; NULL: as long as anybody
  PRIMARY KEY (env_id, team_id)
);
CREATE INDEX environment_teams_by_team ON environment_teams (org_id, team_id);
