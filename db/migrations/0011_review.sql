-- Review of answers, what was made from whose answers, withdrawal, and
-- uploads that wait for their import.

-- When a reviewer gave the task back (0: never), and whether its answer may
-- still be undone or edited.
ALTER TABLE leases ADD COLUMN returned BIGINT NOT NULL DEFAULT 0;
ALTER TABLE leases ADD COLUMN locked BOOLEAN NOT NULL DEFAULT FALSE;

CREATE TABLE review_notes (
	id {{id}},
	project_id BIGINT NOT NULL REFERENCES projects (id),
	answer_id BIGINT NOT NULL REFERENCES answers (id),
	kind TEXT NOT NULL,
	text TEXT NOT NULL,
	to_labeler BOOLEAN NOT NULL,
	user_id BIGINT NOT NULL,
	created BIGINT NOT NULL
);
CREATE INDEX review_notes_answer ON review_notes (answer_id, id);
CREATE INDEX answers_review ON answers (project_id, id, state, worker);
CREATE INDEX answers_worker ON answers (project_id, worker, id);

-- The log by project; older lines get theirs here.
ALTER TABLE audit ADD COLUMN project_id BIGINT NOT NULL DEFAULT 0;
UPDATE audit SET project_id = CAST(substr(object, 9) AS BIGINT) WHERE object LIKE 'project:%';
UPDATE audit SET project_id = coalesce((SELECT a.project_id FROM answers a WHERE a.id = CAST(substr(audit.object, 8) AS BIGINT)), 0) WHERE object LIKE 'answer:%';
UPDATE audit SET project_id = coalesce((SELECT r.project_id FROM runs r WHERE r.id = CAST(substr(audit.object, 5) AS BIGINT)), 0) WHERE object LIKE 'run:%';
CREATE INDEX audit_project ON audit (project_id, id);

-- Files and models made from a project, by hash.
CREATE TABLE artefacts (
	id {{id}},
	sha256 TEXT NOT NULL UNIQUE,
	kind TEXT NOT NULL,
	project_id BIGINT NOT NULL,
	run_id BIGINT NOT NULL,
	name TEXT NOT NULL,
	format TEXT NOT NULL,
	rows BIGINT NOT NULL,
	created BIGINT NOT NULL,
	created_by BIGINT NOT NULL,
	retired BIGINT NOT NULL,
	retired_by BIGINT NOT NULL,
	retired_note TEXT NOT NULL
);
CREATE INDEX artefacts_project ON artefacts (project_id, id);
CREATE TABLE artefact_parents (
	artefact_id BIGINT NOT NULL REFERENCES artefacts (id),
	sha256 TEXT NOT NULL,
	role TEXT NOT NULL,
	PRIMARY KEY (artefact_id, sha256)
);
CREATE INDEX artefact_parents_hash ON artefact_parents (sha256);
CREATE TABLE artefact_workers (
	artefact_id BIGINT NOT NULL REFERENCES artefacts (id),
	project_id BIGINT NOT NULL,
	worker TEXT NOT NULL,
	answers BIGINT NOT NULL,
	PRIMARY KEY (artefact_id, project_id, worker)
);
CREATE INDEX artefact_workers_worker ON artefact_workers (project_id, worker);

CREATE TABLE withdrawals (
	project_id BIGINT NOT NULL REFERENCES projects (id),
	worker TEXT NOT NULL,
	answers BIGINT NOT NULL,
	created BIGINT NOT NULL,
	created_by BIGINT NOT NULL,
	PRIMARY KEY (project_id, worker)
);

-- A file on its way in: kept beside the database until it is imported or old.
CREATE TABLE uploads (
	id TEXT PRIMARY KEY,
	project_id BIGINT NOT NULL REFERENCES projects (id),
	user_id BIGINT NOT NULL,
	file TEXT NOT NULL,
	size BIGINT NOT NULL,
	sha256 TEXT NOT NULL,
	format TEXT NOT NULL,
	mapping TEXT NOT NULL,
	queue BOOLEAN NOT NULL,
	state TEXT NOT NULL,
	message TEXT NOT NULL,
	import_id BIGINT NOT NULL,
	created BIGINT NOT NULL,
	expires BIGINT NOT NULL
);
CREATE INDEX uploads_project ON uploads (project_id, created);
CREATE INDEX uploads_expires ON uploads (expires);
CREATE TABLE import_mappings (
	project_id BIGINT NOT NULL REFERENCES projects (id),
	columns TEXT NOT NULL,
	mapping TEXT NOT NULL,
	saved BIGINT NOT NULL,
	PRIMARY KEY (project_id, columns)
);
