-- What reading a kernel's line counters takes (docs/reach.md), '' = the kernel does not count.
ALTER TABLE builds ADD COLUMN coverage_digest TEXT NOT NULL DEFAULT '';
-- Those of before cannot be read: they are made again when they are wanted.
UPDATE builds SET state = 'failed', error = 'made by a Kiln that did not keep what reads its counters'
 WHERE key IN (SELECT build_key FROM run_builds WHERE variant = 'coverage');
