-- Who starts a run again with the same key (a timetable, after a crash) gets the run it started then.
ALTER TABLE runs ADD COLUMN start_key TEXT NOT NULL DEFAULT '';
CREATE UNIQUE INDEX runs_by_start_key ON runs (start_key) WHERE start_key != '';
