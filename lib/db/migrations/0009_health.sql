-- A run that checks whether a quarantined machine works again; "" = any other run.
ALTER TABLE runs ADD COLUMN checks_machine TEXT NOT NULL DEFAULT '';
-- The newest boots of a machine, for the one that it is known to do well.
CREATE INDEX sessions_by_machine ON sessions (machine, id);
