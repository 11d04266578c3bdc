-- Kiln's database, version 1. docs/database.md explains it; times are milliseconds since 1970 UTC,
-- digests are ids in the artifact store (sha256, 64 hex digits), '' = none.

-- One execution of a job.
CREATE TABLE runs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used twice
  job_digest TEXT NOT NULL,              -- what was asked: an interrupted run is found again by it
  job_name TEXT NOT NULL,
  title TEXT NOT NULL,
  job_file TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('running', 'done', 'interrupted', 'failed')),
  started_ms INTEGER NOT NULL,
  finished_ms INTEGER,                   -- NULL while it may go on
  elapsed_seconds REAL NOT NULL,         -- of work, pauses left out
  source TEXT NOT NULL,
  source_tree TEXT NOT NULL,
  kiln_version TEXT NOT NULL,
  toolchain TEXT NOT NULL,
  machine TEXT NOT NULL,
  igt_version TEXT NOT NULL,
  error TEXT NOT NULL,                   -- why there is no verdict
  seed INTEGER NOT NULL,                 -- of the random order of pairs; 64 bits, read as unsigned
  UNIQUE (job_digest, started_ms)        -- a repeated creation is the same run
) STRICT;

-- The matrix of a run, in its order.
CREATE TABLE run_cells (
  run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  variant TEXT NOT NULL,                 -- baseline, patched, prefix-K
  config TEXT NOT NULL,
  build_key TEXT NOT NULL,
  same_as TEXT NOT NULL,                 -- the cell with the very same kernel, '' = none
  PRIMARY KEY (run_id, variant, config)
) STRICT, WITHOUT ROWID;

-- One kernel, known by what decides its bytes; shared by all runs.
CREATE TABLE builds (
  key TEXT PRIMARY KEY,
  state TEXT NOT NULL CHECK (state IN ('built', 'failed')),
  release TEXT NOT NULL,
  kernel_build_id TEXT NOT NULL,
  config_digest TEXT NOT NULL,
  image_digest TEXT NOT NULL,
  modules_digest TEXT NOT NULL,
  vmlinux_digest TEXT NOT NULL,
  bench_digest TEXT NOT NULL,
  log_digest TEXT NOT NULL,
  error TEXT NOT NULL,                   -- first error with file and line, when failed
  incremental INTEGER NOT NULL,
  elapsed_ms INTEGER NOT NULL,
  recorded_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE module_build_ids (
  build_key TEXT NOT NULL REFERENCES builds (key) ON DELETE CASCADE,
  module TEXT NOT NULL,
  build_id TEXT NOT NULL,
  PRIMARY KEY (build_key, module)
) STRICT, WITHOUT ROWID;

CREATE TABLE build_warnings (
  build_key TEXT NOT NULL REFERENCES builds (key) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  file TEXT NOT NULL,
  line INTEGER NOT NULL,
  text TEXT NOT NULL,
  PRIMARY KEY (build_key, position)
) STRICT, WITHOUT ROWID;

-- Which build a cell of a run used.
CREATE TABLE run_builds (
  run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  variant TEXT NOT NULL,
  config TEXT NOT NULL,
  build_key TEXT NOT NULL REFERENCES builds (key),
  from_cache INTEGER NOT NULL,
  PRIMARY KEY (run_id, variant, config)
) STRICT, WITHOUT ROWID;
CREATE INDEX run_builds_by_key ON run_builds (build_key);

-- One attempt of one planned boot. A row that is running in a database that nobody has open never
-- ended: its process died.
CREATE TABLE sessions (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  key TEXT NOT NULL,                     -- of the planned session, stable over restarts
  attempt INTEGER NOT NULL,              -- from 1
  purpose TEXT NOT NULL,                 -- functional, confirmation, performance, instructions
  variant TEXT NOT NULL,
  config TEXT NOT NULL,
  pair INTEGER NOT NULL,                 -- 0 = of none
  patched_first INTEGER NOT NULL,
  build_key TEXT NOT NULL,
  machine TEXT NOT NULL,
  emulated INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('running', 'done')),
  ending TEXT NOT NULL,                  -- '' while running; tested, test-failed, infrastructure, cancelled
  error_class TEXT NOT NULL,
  error TEXT NOT NULL,
  started_ms INTEGER NOT NULL,
  elapsed_seconds REAL NOT NULL,
  restarts INTEGER NOT NULL,             -- of the machine, while testing
  -- What was proved of the running kernel before a test counted.
  release TEXT NOT NULL,
  kernel_build_id TEXT NOT NULL,
  boot_id TEXT NOT NULL,
  config_digest TEXT NOT NULL,
  high_total_kib INTEGER NOT NULL,
  mem_total_kib INTEGER NOT NULL,
  disk_free_kib INTEGER NOT NULL,
  cmdline TEXT NOT NULL,
  taint INTEGER NOT NULL,
  proved INTEGER NOT NULL,
  clock_offset_seconds REAL NOT NULL,
  UNIQUE (run_id, key, attempt)
) STRICT;

-- Of a confirmation: the tests it is limited to. No rows = all of the job's.
CREATE TABLE session_tests (
  session_id INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  test TEXT NOT NULL,
  PRIMARY KEY (session_id, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE session_modules (
  session_id INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
  module TEXT NOT NULL,
  build_id TEXT NOT NULL,
  PRIMARY KEY (session_id, module)
) STRICT, WITHOUT ROWID;

-- Where a session's time went.
CREATE TABLE session_phases (
  session_id INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  name TEXT NOT NULL,
  seconds REAL NOT NULL,
  PRIMARY KEY (session_id, position)
) STRICT, WITHOUT ROWID;

-- Logs and result folders of a session in the artifact store.
CREATE TABLE artifacts (
  session_id INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
  name TEXT NOT NULL,                    -- console, dmesg, journal, results
  digest TEXT NOT NULL,
  PRIMARY KEY (session_id, name)
) STRICT, WITHOUT ROWID;

-- One (sub)test in one session.
CREATE TABLE results (
  session_id INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  test TEXT NOT NULL,                    -- igt@binary@subtest[@dynamic]
  phase TEXT NOT NULL,
  outcome TEXT NOT NULL,                 -- igt_runner's word
  seconds REAL NOT NULL,
  reason TEXT NOT NULL,
  kernel_words BLOB NOT NULL,            -- raw bytes of the kernel's messages meanwhile
  PRIMARY KEY (session_id, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX results_by_test ON results (test, session_id);

-- One number of one session.
CREATE TABLE measurements (
  session_id INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  bench TEXT NOT NULL,
  metric TEXT NOT NULL,
  value REAL,                            -- NULL = not a number
  unit TEXT NOT NULL,
  PRIMARY KEY (session_id, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX measurements_by_metric ON measurements (metric, session_id);

-- Oopses, warnings and the like, cut whole from a session's kernel log.
CREATE TABLE kernel_reports (
  session_id INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  kind TEXT NOT NULL,
  title TEXT NOT NULL,
  signature TEXT NOT NULL,               -- stable across boots
  text BLOB NOT NULL,
  test TEXT NOT NULL,                    -- that ran then, '' = none
  PRIMARY KEY (session_id, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX kernel_reports_by_signature ON kernel_reports (signature);

-- What happened, for those who watch; numbered from 1 in each run.
CREATE TABLE events (
  run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  seq INTEGER NOT NULL,
  time_ms INTEGER NOT NULL,
  kind TEXT NOT NULL,
  text TEXT NOT NULL,
  cell TEXT NOT NULL,
  session_id INTEGER NOT NULL,           -- 0 = of none
  state TEXT NOT NULL,
  done INTEGER NOT NULL,
  total INTEGER NOT NULL,
  elapsed_seconds REAL NOT NULL,
  remaining_seconds REAL NOT NULL,
  PRIMARY KEY (run_id, seq)
) STRICT, WITHOUT ROWID;

-- What a run concluded. The report is the whole kiln.v1.RunReport as it was judged.
CREATE TABLE verdicts (
  run_id INTEGER PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,
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
  judged_ms INTEGER NOT NULL,
  report BLOB NOT NULL
) STRICT;

-- What steps took on this computer, for estimates; the newest 50 of a kind are kept.
CREATE TABLE durations (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL,                    -- build-full, session-functional, ...
  source TEXT NOT NULL,                  -- what took it: a repeated report counts once
  seconds REAL NOT NULL,
  recorded_ms INTEGER NOT NULL,
  UNIQUE (kind, source)
) STRICT;

-- Single facts about the database itself.
CREATE TABLE meta (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
