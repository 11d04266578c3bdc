-- What people keep, and what was cleared away: a cleared run's rows stay, its artifacts do not.
ALTER TABLE runs ADD COLUMN kept_ms INTEGER;                       -- NULL = nobody keeps it
ALTER TABLE runs ADD COLUMN kept_by TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN kept_why TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN cleared_ms INTEGER;                    -- NULL = it has its artifacts
