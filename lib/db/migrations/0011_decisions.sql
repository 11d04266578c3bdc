-- Findings over all runs: each row has all that lists show, and what people decided of it.

-- A kiln.v1.Finding without its kernel reports' texts; empty = of an older Kiln: the report has it.
ALTER TABLE findings ADD COLUMN detail BLOB NOT NULL DEFAULT x'';

CREATE TABLE decisions (
  id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used twice
  time_ms INTEGER NOT NULL,
  who TEXT NOT NULL,
  action TEXT NOT NULL CHECK (action IN ('dismiss', 'reopen', 'assign', 'seen', 'snooze')),
  reason TEXT NOT NULL,
  owner TEXT NOT NULL,                   -- of assign; '' = nobody
  until_ms INTEGER,                      -- of snooze
  request_id TEXT UNIQUE,                -- the same request again is the same decision; NULL = none
  undone_ms INTEGER,                     -- NULL = it stands
  undone_by TEXT NOT NULL DEFAULT ''
) STRICT;

-- By what the finding is about, so that a run that is judged again keeps what was decided.
CREATE TABLE decided_findings (
  run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  subject TEXT NOT NULL,
  decision_id INTEGER NOT NULL REFERENCES decisions (id) ON DELETE CASCADE,
  finding TEXT NOT NULL,                 -- its name then
  PRIMARY KEY (run_id, subject, decision_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX decided_findings_by_decision ON decided_findings (decision_id);
