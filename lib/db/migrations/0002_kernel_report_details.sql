-- Whose a kernel report is, whether it came late, how often, and the functions of its stack.
ALTER TABLE kernel_reports ADD COLUMN subsystem TEXT NOT NULL DEFAULT '';
ALTER TABLE kernel_reports ADD COLUMN late INTEGER NOT NULL DEFAULT 0;
ALTER TABLE kernel_reports ADD COLUMN times INTEGER NOT NULL DEFAULT 0;  -- 0 = not counted

-- One function of a report's stack, innermost first; report_position is the report's `position`.
CREATE TABLE kernel_frames (
  session_id INTEGER NOT NULL,
  report_position INTEGER NOT NULL,
  position INTEGER NOT NULL,
  function TEXT NOT NULL,
  module TEXT NOT NULL,                  -- '' = built into the kernel
  file TEXT NOT NULL,                    -- relative to the source's root, '' = not decoded
  line INTEGER NOT NULL,
  inlined INTEGER NOT NULL,
  PRIMARY KEY (session_id, report_position, position),
  FOREIGN KEY (session_id, report_position) REFERENCES kernel_reports (session_id, position) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
