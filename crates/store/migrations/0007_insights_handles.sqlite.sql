-- What resources mention stands with their versions, and whose it is is looked up when somebody asks: nothing has to be corrected
-- when the other resource comes later, or goes. One index has the texts by which resources are known and those that their newest
-- versions mention, account by account, so that what a scan writes lies together.
CREATE TABLE resource_handles (
  account_id BYTEA NOT NULL,
  handle TEXT NOT NULL,          -- an id or an ARN, of at most 1,024 bytes
  role BIGINT NOT NULL,          -- 0: the resource is known by it | 1: its newest version mentions it
  key BYTEA NOT NULL,
  PRIMARY KEY (account_id, handle, role, key)
) WITHOUT ROWID;
ALTER TABLE resource_versions ADD COLUMN mentions TEXT;  -- JSON: [[path, handle], …] by path; NULL for none

UPDATE resource_versions SET mentions = (SELECT json_group_array(json_array(e.path, e.handle)) FROM
  (SELECT x.path, x.handle FROM resource_edges x WHERE x.account_id = resource_versions.account_id
   AND x.key = resource_versions.key AND x.version = resource_versions.version ORDER BY x.path) e)
  WHERE EXISTS (SELECT 1 FROM resource_edges x WHERE x.account_id = resource_versions.account_id
   AND x.key = resource_versions.key AND x.version = resource_versions.version);
INSERT INTO resource_handles (account_id, handle, role, key)
  SELECT account_id, id, 0, key FROM resources WHERE length(CAST(id AS BLOB)) <= 1024
  UNION SELECT account_id, arn, 0, key FROM resources WHERE length(CAST(arn AS BLOB)) <= 1024
  UNION SELECT e.account_id, e.handle, 1, e.key FROM resource_edges e
    JOIN resources r ON r.account_id = e.account_id AND r.key = e.key AND r.version = e.version
    WHERE length(CAST(e.handle AS BLOB)) <= 1024;

DROP TABLE resource_edges;
DROP INDEX resources_by_type;
DROP INDEX resources_by_id;
DROP INDEX resources_by_arn;
