-- By what a scan recognises the item of a list that a resource's newest version was made of, so that it need not be taken apart again.
ALTER TABLE resources ADD COLUMN print BYTEA;   -- NULL: none, or the newest version was reported by a client

-- A statement's lines are written once and read in their order: they lie in one tree and not in two.
ALTER TABLE scan_coverage RENAME TO scan_coverage_old;
CREATE TABLE scan_coverage (
  scan_id BYTEA NOT NULL,
  place TEXT NOT NULL,
  type_token TEXT NOT NULL,
  outcome TEXT NOT NULL,
  listed BIGINT,
  action TEXT,
  code TEXT,
  message TEXT,
  calls BIGINT NOT NULL,
  micros BIGINT NOT NULL,
  at BIGINT NOT NULL,
  settled BOOLEAN NOT NULL DEFAULT FALSE,
  PRIMARY KEY (scan_id, place, type_token)
) WITHOUT ROWID;
INSERT INTO scan_coverage (scan_id, place, type_token, outcome, listed, action, code, message, calls, micros, at, settled)
  SELECT scan_id, place, type_token, outcome, listed, action, code, message, calls, micros, at, settled FROM scan_coverage_old
  ORDER BY scan_id, place, type_token;
DROP TABLE scan_coverage_old;
