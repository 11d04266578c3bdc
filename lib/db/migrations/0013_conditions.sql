-- Under what conditions a boot measured, for whether its wall clock counts. '' or NULL: its machine does not say.
-- Written with the session's end, before anything compares what it measured.
CREATE TABLE session_conditions (
  session_id INTEGER PRIMARY KEY REFERENCES sessions (id) ON DELETE CASCADE,
  governor TEXT NOT NULL,                -- of all CPUs, "performance,powersave" when they differ
  turbo TEXT NOT NULL,                   -- on, off
  clocksource TEXT NOT NULL,
  throttled INTEGER,                     -- times that heat slowed a CPU
  celsius REAL,                          -- the highest seen
  other_load REAL,                       -- CPUs that other work kept busy before a bench
  stolen_percent REAL                    -- of the CPUs' time, by the host, in benches
) STRICT;
