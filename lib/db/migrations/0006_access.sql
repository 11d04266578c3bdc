-- Who may come in: users' tokens, agents' one-time codes and certificates; and what was done or
-- refused. Secrets are kept as their SHA-256 only.

CREATE TABLE access_tokens (
  id TEXT PRIMARY KEY,                   -- the part of the token that is no secret
  hash TEXT NOT NULL,
  user TEXT NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('viewer', 'submitter', 'keeper', 'admin')),
  note TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  expires_ms INTEGER,                    -- NULL = never
  revoked_ms INTEGER,                    -- NULL = in force; a revoked one is kept for those who bring it
  revoked_by TEXT NOT NULL DEFAULT '',
  last_used_ms INTEGER                   -- to a few minutes; NULL = never
) STRICT, WITHOUT ROWID;

CREATE TABLE enrolments (
  id TEXT PRIMARY KEY,                   -- first group of the code
  hash TEXT NOT NULL,                    -- of the others
  agent TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  expires_ms INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,   -- with a wrong code
  used_ms INTEGER,                       -- NULL = not yet
  public_key TEXT NOT NULL DEFAULT '',   -- sha256 of the key that used it
  certificate TEXT NOT NULL DEFAULT ''   -- that was given for it, so that a lost answer can be repeated
) STRICT, WITHOUT ROWID;

CREATE TABLE agent_certificates (
  fingerprint TEXT PRIMARY KEY,          -- sha256
  agent TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL,
  revoked_ms INTEGER,                    -- NULL = in force
  revoked_by TEXT NOT NULL DEFAULT '',
  why TEXT NOT NULL DEFAULT ''
) STRICT, WITHOUT ROWID;
CREATE INDEX agent_certificates_by_agent ON agent_certificates (agent, created_ms);

-- Every refused and every changing call; the newest are kept (AccessTable::append_audit).
CREATE TABLE audit (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  time_ms INTEGER NOT NULL,
  who TEXT NOT NULL,                     -- anna, agent:rack-1, local, '' = nobody knows
  role TEXT NOT NULL,
  method TEXT NOT NULL,
  target TEXT NOT NULL,
  outcome TEXT NOT NULL CHECK (outcome IN ('done', 'failed', 'refused')),
  detail TEXT NOT NULL,
  peer TEXT NOT NULL,
  times INTEGER NOT NULL                 -- so many alike are counted into this one
) STRICT;
