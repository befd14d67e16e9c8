-- What the queue decides by. clone_of: the item that a silent repeat shows again;
-- wanted: answers asked for, the overlap and extra ones; reserved: free places kept
-- for groups; changed: when a place was last taken or given back; shuffle: a place in
-- a random order; uncertainty: of a reward model, in bits, -1 not known;
-- disagreement: of the answers so far, 0 to 1; sort: the one that the project sorts by.
ALTER TABLE items ADD COLUMN clone_of BIGINT NOT NULL DEFAULT 0;
ALTER TABLE items ADD COLUMN wanted INTEGER NOT NULL DEFAULT 1;
ALTER TABLE items ADD COLUMN reserved INTEGER NOT NULL DEFAULT 0;
ALTER TABLE items ADD COLUMN changed BIGINT NOT NULL DEFAULT 0;
ALTER TABLE items ADD COLUMN shuffle DOUBLE PRECISION NOT NULL DEFAULT 0;
ALTER TABLE items ADD COLUMN uncertainty DOUBLE PRECISION NOT NULL DEFAULT -1;
ALTER TABLE items ADD COLUMN disagreement DOUBLE PRECISION NOT NULL DEFAULT 0;
ALTER TABLE items ADD COLUMN sort DOUBLE PRECISION NOT NULL DEFAULT 0;
UPDATE items SET wanted = (SELECT overlap FROM projects WHERE projects.id = items.project_id),
	changed = created, shuffle = (id * 7919 % 100003) / 100003.0;

-- Items with a free place in the order of handing out; everything that the choice
-- looks at stands in the index.
DROP INDEX items_queue;
CREATE INDEX items_queue ON items (project_id, priority DESC, sort DESC, id, kind, k, lang, taken, wanted, reserved, changed, author_id, purpose, closed)
	WHERE purpose = '' AND NOT closed AND taken < wanted;
CREATE INDEX items_purpose ON items (project_id, purpose) WHERE purpose <> '';
CREATE INDEX items_clone ON items (clone_of) WHERE clone_of <> 0;
CREATE INDEX items_prompt ON items (project_id, prompt_id);
CREATE INDEX items_author ON items (author_id) WHERE author_id <> 0;
CREATE INDEX leases_latest ON leases (user_id, closed, taken);
CREATE INDEX completions_author ON completions (author_id, item_id) WHERE author_id <> 0;

-- How a project hands out its items. secret: what silent items are drawn with.
CREATE TABLE queues (
	project_id BIGINT PRIMARY KEY REFERENCES projects (id),
	sort_by TEXT NOT NULL,
	gold_share DOUBLE PRECISION NOT NULL,
	repeat_share DOUBLE PRECISION NOT NULL,
	repeat_after INTEGER NOT NULL,
	max_overlap INTEGER NOT NULL,
	extra_from DOUBLE PRECISION NOT NULL,
	group_by TEXT NOT NULL,
	quotas TEXT NOT NULL,
	fallback_hours INTEGER NOT NULL,
	active_hours INTEGER NOT NULL,
	secret TEXT NOT NULL
);

-- Places of an item that are still kept for a group.
CREATE TABLE needs (
	item_id BIGINT NOT NULL REFERENCES items (id),
	project_id BIGINT NOT NULL REFERENCES projects (id),
	member_group TEXT NOT NULL,
	places INTEGER NOT NULL,
	PRIMARY KEY (item_id, member_group)
);
CREATE INDEX needs_group ON needs (project_id, member_group);

-- How many tasks a member was handed, and when the last.
CREATE TABLE turns (
	project_id BIGINT NOT NULL REFERENCES projects (id),
	user_id BIGINT NOT NULL REFERENCES users (id),
	handed BIGINT NOT NULL,
	seen BIGINT NOT NULL,
	PRIMARY KEY (project_id, user_id)
);

-- What an item contains that somebody may not wish to read.
CREATE TABLE item_content (
	item_id BIGINT NOT NULL REFERENCES items (id),
	category TEXT NOT NULL,
	PRIMARY KEY (item_id, category)
);

-- A file of a reward model's scores, and the scores of the project's texts.
CREATE TABLE score_sets (
	id {{id}},
	project_id BIGINT NOT NULL REFERENCES projects (id),
	name TEXT NOT NULL,
	sha256 TEXT NOT NULL,
	rows INTEGER NOT NULL,
	matched INTEGER NOT NULL,
	items INTEGER NOT NULL,
	measure BOOLEAN NOT NULL,
	created BIGINT NOT NULL,
	created_by BIGINT NOT NULL
);
CREATE INDEX score_sets_project ON score_sets (project_id);
CREATE TABLE scores (
	set_id BIGINT NOT NULL REFERENCES score_sets (id),
	completion_id BIGINT NOT NULL REFERENCES completions (id),
	score DOUBLE PRECISION NOT NULL,
	PRIMARY KEY (set_id, completion_id)
);
CREATE INDEX scores_completion ON scores (completion_id);

-- What a project's pool should look like, and what work is paid.
CREATE TABLE pools (
	project_id BIGINT PRIMARY KEY REFERENCES projects (id),
	targets TEXT NOT NULL,
	weight_cap DOUBLE PRECISION NOT NULL,
	use_weights BOOLEAN NOT NULL,
	pay_by TEXT NOT NULL,
	rate DOUBLE PRECISION NOT NULL,
	currency TEXT NOT NULL,
	pay_time TEXT NOT NULL
);
