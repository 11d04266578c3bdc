-- Jobs that start by themselves (docs/guides/nights.md), and what became of each planned time.

CREATE TABLE schedules (
  id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used twice: firings of a removed one stay its own
  name TEXT NOT NULL,
  cron TEXT NOT NULL,                    -- five fields, on the clock of `zone`
  zone TEXT NOT NULL,                    -- of the tz database
  job_file TEXT NOT NULL,
  jitter_ms INTEGER NOT NULL,
  missed TEXT NOT NULL CHECK (missed IN ('run-once', 'skip')),
  max_late_ms INTEGER NOT NULL,
  overlap TEXT NOT NULL CHECK (overlap IN ('skip', 'queue')),
  unchanged TEXT NOT NULL CHECK (unchanged IN ('skip', 'run')),
  since_ms INTEGER NOT NULL,             -- added or resumed then: what was planned before is not made up for
  paused_ms INTEGER,                     -- NULL = it is not
  added_ms INTEGER NOT NULL,
  added_by TEXT NOT NULL,
  removed_ms INTEGER                     -- NULL = in force
) STRICT;
CREATE UNIQUE INDEX schedules_by_name ON schedules (name) WHERE removed_ms IS NULL;

CREATE TABLE firings (
  schedule_id INTEGER NOT NULL REFERENCES schedules (id) ON DELETE CASCADE,
  key TEXT NOT NULL,                     -- the planned time, or a request's id when a person asked
  planned_ms INTEGER NOT NULL,
  by_hand INTEGER NOT NULL,              -- a person asked for it
  state TEXT NOT NULL CHECK (state IN
    ('waiting', 'starting', 'started', 'ended', 'skipped', 'missed', 'failed')),
  decided_ms INTEGER NOT NULL,           -- when its state came to be
  run_id INTEGER NOT NULL,               -- 0 = none; not a reference: a run may be removed
  count INTEGER NOT NULL,                -- planned times it stands for; `planned_ms` is the last
  reason TEXT NOT NULL,
  PRIMARY KEY (schedule_id, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX firings_by_time ON firings (schedule_id, by_hand, planned_ms);
CREATE INDEX firings_by_run ON firings (run_id) WHERE run_id > 0;
CREATE INDEX firings_open ON firings (state) WHERE state IN ('waiting', 'starting', 'started');
