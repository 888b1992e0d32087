-- What resources mention stands with their versions, and whose it is is looked up when somebody asks: nothing has to be corrected
-- when the other resource comes later, or goes. One index has the texts by which resources are known and those that their newest
-- versions mention, account by account, so that what a scan writes lies together.
CREATE TABLE resource_handles (
  account_id BYTEA NOT NULL,
  handle TEXT NOT NULL,          -- an id or an ARN, of at most 1,024 bytes
  role BIGINT NOT NULL,          -- 0: the resource is known by it | 1: its newest version mentions it
  key BYTEA NOT NULL,
  PRIMARY KEY (account_id, handle, role, key)
);
ALTER TABLE resource_versions ADD COLUMN mentions TEXT;  -- JSON: [[path, handle], …] by path; NULL for none

UPDATE resource_versions v SET mentions = m.all_of_them FROM
  (SELECT account_id, key, version, json_agg(json_build_array(path, handle) ORDER BY path)::text AS all_of_them
   FROM resource_edges GROUP BY account_id, key, version) m
  WHERE m.account_id = v.account_id AND m.key = v.key AND m.version = v.version;
INSERT INTO resource_handles (account_id, handle, role, key)
  SELECT account_id, id, 0, key FROM resources WHERE octet_length(id) <= 1024
  UNION SELECT account_id, arn, 0, key FROM resources WHERE octet_length(arn) <= 1024
  UNION SELECT e.account_id, e.handle, 1, e.key FROM resource_edges e
    JOIN resources r ON r.account_id = e.account_id AND r.key = e.key AND r.version = e.version
    WHERE octet_length(e.handle) <= 1024;

DROP TABLE resource_edges;
DROP INDEX resources_by_type;
DROP INDEX resources_by_id;
DROP INDEX resources_by_arn;
