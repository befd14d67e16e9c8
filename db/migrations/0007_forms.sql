-- Task forms: what a project asks about a task. A version never changes; the
-- newest is in force, and a lease keeps the one it was handed out with.
CREATE TABLE forms (
	id {{id}},
	project_id BIGINT NOT NULL REFERENCES projects (id),
	version INTEGER NOT NULL,
	body TEXT NOT NULL,
	created BIGINT NOT NULL,
	created_by BIGINT NOT NULL,
	UNIQUE (project_id, version)
);
INSERT INTO forms (project_id, version, body, created, created_by)
	SELECT id, 1, CASE kind
		WHEN 'pairwise' THEN '{"preset":"pairwise-5","min_k":2,"max_k":2,"ties":true,"steps":5,"ask_confidence":true,"ask_note":true,"need_ranks":true}'
		ELSE '{"preset":"rank-only","min_k":2,"max_k":9,"ties":true,"steps":5,"ask_confidence":true,"ask_note":true,"need_ranks":true}' END,
	created, created_by FROM projects;
ALTER TABLE leases ADD COLUMN form INTEGER NOT NULL DEFAULT 0;
