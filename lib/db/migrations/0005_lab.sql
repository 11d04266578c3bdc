-- Many runs and people share machines: who holds which, until when; machines as the lab knows them.

-- A session's row is also its machine's lease. The number grows with each grant of the lab, and an
-- agent refuses a lower one.
ALTER TABLE sessions ADD COLUMN lease INTEGER NOT NULL DEFAULT 0;       -- 0 = of before there were any
ALTER TABLE sessions ADD COLUMN lease_open INTEGER NOT NULL DEFAULT 0;  -- 1 while it holds its machine
ALTER TABLE sessions ADD COLUMN until_ms INTEGER NOT NULL DEFAULT 0;    -- its agent reports before that
CREATE UNIQUE INDEX one_holder_a_machine ON sessions (machine) WHERE lease_open = 1;
CREATE INDEX sessions_by_lease ON sessions (lease) WHERE lease > 0;

ALTER TABLE runs ADD COLUMN user TEXT NOT NULL DEFAULT 'local';
ALTER TABLE runs ADD COLUMN priority TEXT NOT NULL DEFAULT 'interactive';
ALTER TABLE runs ADD COLUMN bundle TEXT NOT NULL DEFAULT '';  -- job and its files as they were handed in, '' = read in place

-- What people and evidence say of a machine; whether it is connected is no state to be kept.
CREATE TABLE machines (
  name TEXT PRIMARY KEY,
  agent TEXT NOT NULL,                   -- that had it last
  intent TEXT NOT NULL CHECK (intent IN ('in-service', 'draining', 'retired')),  -- set by people
  intent_why TEXT NOT NULL,
  health TEXT NOT NULL CHECK (health IN ('good', 'suspect', 'quarantined')),     -- set by evidence
  health_why TEXT NOT NULL,
  errors_in_a_row INTEGER NOT NULL,      -- endings as infrastructure, of different sessions
  changed_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A machine that a person has borrowed.
CREATE TABLE holds (
  lease INTEGER PRIMARY KEY,
  machine TEXT NOT NULL,
  user TEXT NOT NULL,
  reason TEXT NOT NULL,
  from_ms INTEGER NOT NULL,
  until_ms INTEGER NOT NULL,
  ended_ms INTEGER,                      -- NULL while it is held
  ended_by TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX one_hold_a_machine ON holds (machine) WHERE ended_ms IS NULL;

-- Ends of sessions that came when another one counted already: kept, never judged.
CREATE TABLE duplicate_sessions (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  session_id INTEGER NOT NULL,
  lease INTEGER NOT NULL,
  machine TEXT NOT NULL,
  reason TEXT NOT NULL,
  received_ms INTEGER NOT NULL,
  done BLOB NOT NULL,                    -- kiln.v1.SessionDone
  UNIQUE (session_id, lease)
) STRICT;
