-- The audit logs. WITHOUT ROWID keeps a log's events together in the order of their positions.
CREATE TABLE audit_events (
  log BIGINT NOT NULL,
  seq BIGINT NOT NULL,
  at BIGINT NOT NULL,
  id BYTEA NOT NULL,
  event TEXT NOT NULL,
  actor_kind TEXT NOT NULL,
  actor_id BYTEA,
  actor_login TEXT NOT NULL,     -- as it was written
  actor_key TEXT NOT NULL,       -- lower case
  actor_name TEXT NOT NULL,
  token_id BYTEA,
  token_name TEXT NOT NULL,
  ip BYTEA,                      -- 16 bytes, IPv4 as IPv4-mapped IPv6
  user_agent TEXT NOT NULL,
  cli_command TEXT NOT NULL,
  request_id BYTEA,
  operation TEXT NOT NULL,
  target_kind TEXT NOT NULL,
  target TEXT NOT NULL,
  outcome TEXT NOT NULL,
  description TEXT NOT NULL,
  count BIGINT NOT NULL,
  PRIMARY KEY (log, seq)
) WITHOUT ROWID;
CREATE INDEX audit_by_time ON audit_events (log, at);
CREATE INDEX audit_by_actor ON audit_events (log, actor_key, seq);
CREATE INDEX audit_by_event ON audit_events (log, event, seq);
CREATE INDEX audit_by_target ON audit_events (log, target, seq);
CREATE INDEX audit_by_token ON audit_events (log, token_id, seq) WHERE token_id IS NOT NULL;
CREATE INDEX audit_by_ip ON audit_events (log, ip, seq) WHERE ip IS NOT NULL;
