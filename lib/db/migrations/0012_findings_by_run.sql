-- Lists of findings over years of nights: each row knows its run and its job, and whether a decision
-- hides it, so that no list has to look at all of them.
ALTER TABLE findings ADD COLUMN run_id INTEGER NOT NULL DEFAULT 0;
ALTER TABLE findings ADD COLUMN job TEXT NOT NULL DEFAULT '';  -- '' = of a run that checks a machine: in no list
-- By the newest decision that stands: 0 = it waits, or nobody has to decide; the largest = dismissed.
ALTER TABLE findings ADD COLUMN hidden_until_ms INTEGER NOT NULL DEFAULT 0;
UPDATE findings SET run_id = (SELECT v.run_id FROM verdicts v WHERE v.id = verdict_id);
UPDATE findings SET job = (SELECT r.job_name FROM runs r WHERE r.id = run_id AND r.checks_machine = '')
  WHERE run_id IN (SELECT r.id FROM runs r WHERE r.checks_machine = '');
UPDATE findings SET hidden_until_ms = coalesce((SELECT CASE d.action
    WHEN 'dismiss' THEN 9223372036854775807 WHEN 'snooze' THEN coalesce(d.until_ms, 0) ELSE 0 END
    FROM decided_findings x JOIN decisions d ON d.id = x.decision_id
    WHERE x.run_id = findings.run_id AND x.subject = findings.subject AND d.undone_ms IS NULL
    AND d.action IN ('dismiss', 'reopen', 'snooze') ORDER BY d.id DESC LIMIT 1), 0);

-- The classes that a person has to decide about: FindingTable has the same list.
CREATE INDEX findings_that_wait ON findings (hidden_until_ms, run_id)
  WHERE job > '' AND class IN ('regression', 'warning', 'flaky', 'coverage-lost', 'build-failure',
  'build-warning', 'fix');
CREATE INDEX findings_by_subject ON findings (job, subject, run_id, class, hidden_until_ms);
CREATE INDEX findings_of_run ON findings (run_id DESC, position);
CREATE INDEX runs_by_job ON runs (job_name);

-- What a filter's test covers, a test's boots, and how much was judged: each out of its index alone.
CREATE INDEX occurrences_by_test ON occurrences (test);
DROP INDEX results_by_test;
CREATE INDEX results_by_test ON results (test, session_id, outcome);
DROP INDEX verdicts_by_run;
CREATE INDEX verdicts_by_run ON verdicts (run_id, id, results_got);
