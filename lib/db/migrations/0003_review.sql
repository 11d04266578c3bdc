-- Runs can be judged again: what they were asked, on which machines, every verdict, its findings;
-- known issues as filters; which series was under test.

-- What a run was asked, as lib/job/stored.h writes it (JSON); runs that were asked the same share it.
CREATE TABLE jobs (
  digest TEXT PRIMARY KEY,               -- sha256 of the document
  document TEXT NOT NULL
) STRICT, WITHOUT ROWID;

ALTER TABLE runs ADD COLUMN stored_job TEXT NOT NULL DEFAULT '';  -- digest in jobs; '' = an older Kiln's run
ALTER TABLE runs ADD COLUMN repro_of TEXT NOT NULL DEFAULT '';    -- "412/f3": repeats that finding

-- The tags of a session's machine when it started.
CREATE TABLE session_tags (
  session_id INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
  tag TEXT NOT NULL,
  PRIMARY KEY (session_id, tag)
) STRICT, WITHOUT ROWID;

-- What a run concluded, each time it was judged; the newest holds. The report is a kiln.v1.RunReport
-- without its sessions, which are in their own tables.
CREATE TABLE all_verdicts (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  result TEXT NOT NULL,
  exit_code INTEGER NOT NULL,
  headline TEXT NOT NULL,
  results_planned INTEGER NOT NULL,
  results_got INTEGER NOT NULL,
  regressions INTEGER NOT NULL,
  fixes INTEGER NOT NULL,
  warnings INTEGER NOT NULL,
  flaky INTEGER NOT NULL,
  lost INTEGER NOT NULL,
  known INTEGER NOT NULL,
  judged_ms INTEGER NOT NULL,
  rules INTEGER NOT NULL,                -- version of the rules; 0 = before they were counted
  cause TEXT NOT NULL,                   -- run, judge, known 3 added ...
  report BLOB NOT NULL
) STRICT;
INSERT INTO all_verdicts (run_id, result, exit_code, headline, results_planned, results_got,
  regressions, fixes, warnings, flaky, lost, known, judged_ms, rules, cause, report)
  SELECT run_id, result, exit_code, headline, results_planned, results_got, regressions, fixes,
    warnings, flaky, lost, 0, judged_ms, 0, 'run', report FROM verdicts ORDER BY run_id;
DROP TABLE verdicts;
ALTER TABLE all_verdicts RENAME TO verdicts;
CREATE INDEX verdicts_by_run ON verdicts (run_id, id);

-- Findings of the newest verdict of each run.
CREATE TABLE findings (
  verdict_id INTEGER NOT NULL REFERENCES verdicts (id) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  name TEXT NOT NULL,                    -- f3
  class TEXT NOT NULL,
  bare_class TEXT NOT NULL,              -- what it is without known issues
  test TEXT NOT NULL,                    -- '' = outside of any
  subject TEXT NOT NULL,                 -- what it is about, the same in every run
  known TEXT NOT NULL,                   -- ids of the filters that cover it: "3 7"
  only_patched INTEGER NOT NULL,         -- seen with the series alone
  summary TEXT NOT NULL,
  PRIMARY KEY (verdict_id, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX findings_by_test ON findings (test, verdict_id);

-- What in which boot makes a finding: what filters are matched with.
CREATE TABLE occurrences (
  verdict_id INTEGER NOT NULL REFERENCES verdicts (id) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  finding TEXT NOT NULL,                 -- its name
  session_id INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
  test TEXT NOT NULL,                    -- '' = a report outside of tests
  config TEXT NOT NULL,
  outcome TEXT NOT NULL,                 -- igt_runner's, made worse by the kernel's words
  row INTEGER,                           -- position in results; NULL = no result
  report INTEGER,                        -- position in kernel_reports; NULL = all of the test's
  known TEXT NOT NULL,                   -- ids of filters that cover it or a part of it
  PRIMARY KEY (verdict_id, position)
) STRICT, WITHOUT ROWID;

-- Known issues (lib/known/filter.h). '' = asks for nothing.
CREATE TABLE known_filters (
  id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used twice
  machine TEXT NOT NULL,
  tag TEXT NOT NULL,
  config TEXT NOT NULL,
  test TEXT NOT NULL,
  outcomes TEXT NOT NULL,                -- words, blanks between them
  signature TEXT NOT NULL,
  text TEXT NOT NULL,
  author TEXT NOT NULL,
  reason TEXT NOT NULL,
  link TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  expires_ms INTEGER,                    -- NULL = never
  removed_ms INTEGER                     -- NULL = in force; a removed one is kept for the reports that name it
) STRICT;

-- Who changed which filter, when, from what to what.
CREATE TABLE known_audit (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  filter_id INTEGER NOT NULL REFERENCES known_filters (id),
  time_ms INTEGER NOT NULL,
  who TEXT NOT NULL,
  action TEXT NOT NULL CHECK (action IN ('added', 'edited', 'removed')),
  before TEXT NOT NULL,                  -- JSON, '' = there was none
  after TEXT NOT NULL,
  runs INTEGER NOT NULL,                 -- that got a new verdict by it
  findings INTEGER NOT NULL              -- that changed
) STRICT;
CREATE INDEX known_audit_by_filter ON known_audit (filter_id, id);

-- Patches of the series (from 1) without which the others do not apply: no boot can leave them out.
CREATE TABLE run_not_revertible (
  run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  patch INTEGER NOT NULL,
  PRIMARY KEY (run_id, patch)
) STRICT, WITHOUT ROWID;

-- How much a filter covered in the newest verdict of a run; no row = nothing.
CREATE TABLE known_hits (
  filter_id INTEGER NOT NULL REFERENCES known_filters (id),
  run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  occurrences INTEGER NOT NULL,
  findings INTEGER NOT NULL,             -- that it makes known, alone or with others
  PRIMARY KEY (filter_id, run_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX known_hits_by_run ON known_hits (run_id);

-- The series under test: how versions of one series find each other.
CREATE TABLE run_series (
  run_id INTEGER PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,
  title TEXT NOT NULL,
  title_key TEXT NOT NULL,               -- without prefixes, lower case
  author_key TEXT NOT NULL,              -- the mail address, lower case
  message_id TEXT NOT NULL,
  version INTEGER NOT NULL,
  answers TEXT NOT NULL                  -- message ids that its mails answer to, blanks between them
) STRICT;
CREATE INDEX run_series_by_author ON run_series (author_key, run_id);
CREATE INDEX run_series_by_message ON run_series (message_id, run_id);

CREATE TABLE run_patches (
  run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  position INTEGER NOT NULL,             -- from 1
  subject TEXT NOT NULL,
  patch_id TEXT NOT NULL,                -- `git patch-id --stable`
  PRIMARY KEY (run_id, position)
) STRICT, WITHOUT ROWID;
