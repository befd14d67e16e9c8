-- Times are Unix milliseconds, 0 is never. JSON is text. Text is never null.

CREATE TABLE users (
	id {{id}},
	name TEXT NOT NULL,
	password_hash TEXT NOT NULL,
	role TEXT NOT NULL,
	disabled BOOLEAN NOT NULL,
	session_epoch INTEGER NOT NULL,
	ui_language TEXT NOT NULL,
	single_keys BOOLEAN NOT NULL,
	created BIGINT NOT NULL,
	last_login BIGINT NOT NULL
);
CREATE UNIQUE INDEX users_name ON users (lower(name));

CREATE TABLE invites (
	id {{id}},
	token_hash TEXT NOT NULL UNIQUE,
	role TEXT NOT NULL,
	user_id BIGINT NOT NULL,
	project_id BIGINT NOT NULL,
	label TEXT NOT NULL,
	created_by BIGINT NOT NULL,
	created BIGINT NOT NULL,
	expires BIGINT NOT NULL,
	used BIGINT NOT NULL,
	used_by BIGINT NOT NULL
);

CREATE TABLE sessions (
	token_hash TEXT PRIMARY KEY,
	data TEXT NOT NULL,
	expires BIGINT NOT NULL
);
CREATE INDEX sessions_expires ON sessions (expires);

CREATE TABLE projects (
	id {{id}},
	name TEXT NOT NULL,
	title TEXT NOT NULL,
	instructions TEXT NOT NULL,
	guideline INTEGER NOT NULL,
	kind TEXT NOT NULL,
	k INTEGER NOT NULL,
	overlap INTEGER NOT NULL,
	lease_minutes INTEGER NOT NULL,
	edit_minutes INTEGER NOT NULL,
	archived BOOLEAN NOT NULL,
	created BIGINT NOT NULL,
	created_by BIGINT NOT NULL
);
CREATE UNIQUE INDEX projects_name ON projects (lower(name));

CREATE TABLE members (
	project_id BIGINT NOT NULL REFERENCES projects (id),
	user_id BIGINT NOT NULL REFERENCES users (id),
	worker TEXT NOT NULL,
	joined BIGINT NOT NULL,
	PRIMARY KEY (project_id, user_id),
	UNIQUE (project_id, worker)
);

CREATE TABLE imports (
	id {{id}},
	project_id BIGINT NOT NULL REFERENCES projects (id),
	file TEXT NOT NULL,
	format TEXT NOT NULL,
	sha256 TEXT NOT NULL,
	rows INTEGER NOT NULL,
	items INTEGER NOT NULL,
	answers INTEGER NOT NULL,
	created BIGINT NOT NULL,
	created_by BIGINT NOT NULL
);

CREATE TABLE items (
	id {{id}},
	project_id BIGINT NOT NULL REFERENCES projects (id),
	import_id BIGINT NOT NULL,
	line INTEGER NOT NULL,
	kind TEXT NOT NULL,
	hash TEXT NOT NULL,
	prompt_id TEXT NOT NULL,
	prompt TEXT NOT NULL,
	lang TEXT NOT NULL,
	extra TEXT NOT NULL,
	priority INTEGER NOT NULL,
	k INTEGER NOT NULL,
	taken INTEGER NOT NULL,
	closed BOOLEAN NOT NULL,
	created BIGINT NOT NULL,
	UNIQUE (project_id, hash)
);
CREATE INDEX items_queue ON items (project_id, closed, kind, priority DESC, id);

CREATE TABLE completions (
	id {{id}},
	item_id BIGINT NOT NULL REFERENCES items (id),
	pos INTEGER NOT NULL,
	key TEXT NOT NULL,
	ext_id TEXT NOT NULL,
	text TEXT NOT NULL,
	policy TEXT NOT NULL,
	extra TEXT NOT NULL,
	UNIQUE (item_id, pos),
	UNIQUE (item_id, key)
);

-- A slot of an item belongs to at most one open or answered lease; a
-- person has at most one lease of an item ever.
CREATE TABLE leases (
	id TEXT PRIMARY KEY,
	item_id BIGINT NOT NULL REFERENCES items (id),
	slot INTEGER NOT NULL,
	user_id BIGINT NOT NULL REFERENCES users (id),
	state TEXT NOT NULL,
	shown TEXT NOT NULL,
	taken BIGINT NOT NULL,
	expires BIGINT NOT NULL,
	closed BIGINT NOT NULL,
	reason TEXT NOT NULL,
	comment TEXT NOT NULL,
	UNIQUE (item_id, user_id)
);
CREATE UNIQUE INDEX leases_slot ON leases (item_id, slot) WHERE state IN ('open', 'answered');
CREATE INDEX leases_user ON leases (user_id, state, item_id);
CREATE INDEX leases_expiry ON leases (expires) WHERE state = 'open';

CREATE TABLE drafts (
	item_id BIGINT NOT NULL REFERENCES items (id),
	user_id BIGINT NOT NULL REFERENCES users (id),
	ranking TEXT NOT NULL,
	saved BIGINT NOT NULL,
	PRIMARY KEY (item_id, user_id)
);

CREATE TABLE answers (
	id {{id}},
	project_id BIGINT NOT NULL REFERENCES projects (id),
	item_id BIGINT NOT NULL REFERENCES items (id),
	import_id BIGINT NOT NULL,
	line INTEGER NOT NULL,
	lease_id TEXT NOT NULL,
	user_id BIGINT NOT NULL,
	worker TEXT NOT NULL,
	state TEXT NOT NULL,
	ranks TEXT NOT NULL,
	strength DOUBLE PRECISION,
	none_acceptable BOOLEAN NOT NULL,
	confidence DOUBLE PRECISION,
	note TEXT NOT NULL,
	shown TEXT NOT NULL,
	duration_ms BIGINT NOT NULL,
	active_ms BIGINT NOT NULL,
	guideline TEXT NOT NULL,
	ui_version TEXT NOT NULL,
	extra TEXT NOT NULL,
	answered BIGINT NOT NULL
);
CREATE UNIQUE INDEX answers_person ON answers (item_id, user_id) WHERE state = 'active' AND user_id <> 0;
CREATE INDEX answers_item ON answers (item_id, state);
CREATE INDEX answers_project ON answers (project_id, state, import_id, line, id);
CREATE INDEX answers_user ON answers (user_id, project_id, answered);

CREATE TABLE runs (
	id {{id}},
	kind TEXT NOT NULL,
	name TEXT NOT NULL,
	project_id BIGINT NOT NULL,
	config TEXT NOT NULL,
	inputs TEXT NOT NULL,
	dir TEXT NOT NULL,
	status TEXT NOT NULL,
	worker TEXT NOT NULL,
	lease_expires BIGINT NOT NULL,
	attempt INTEGER NOT NULL,
	stop_requested BOOLEAN NOT NULL,
	done BIGINT NOT NULL,
	total BIGINT NOT NULL,
	message TEXT NOT NULL,
	result TEXT NOT NULL,
	created BIGINT NOT NULL,
	created_by BIGINT NOT NULL,
	started BIGINT NOT NULL,
	finished BIGINT NOT NULL
);
CREATE INDEX runs_queue ON runs (status, id);

CREATE TABLE run_metrics (
	run_id BIGINT NOT NULL REFERENCES runs (id),
	step BIGINT NOT NULL,
	name TEXT NOT NULL,
	value DOUBLE PRECISION NOT NULL,
	PRIMARY KEY (run_id, name, step)
);

CREATE TABLE run_samples (
	run_id BIGINT NOT NULL REFERENCES runs (id),
	step BIGINT NOT NULL,
	idx INTEGER NOT NULL,
	data TEXT NOT NULL,
	PRIMARY KEY (run_id, step, idx)
);

CREATE TABLE audit (
	id {{id}},
	at BIGINT NOT NULL,
	user_id BIGINT NOT NULL,
	action TEXT NOT NULL,
	object TEXT NOT NULL,
	detail TEXT NOT NULL
);
CREATE INDEX audit_object ON audit (object);
