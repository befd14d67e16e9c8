-- Joining a project: what a newcomer passes before the first task. No row: the defaults.
CREATE TABLE joinings (
	project_id BIGINT PRIMARY KEY REFERENCES projects (id),
	language TEXT NOT NULL,
	profile BOOLEAN NOT NULL,
	survey BOOLEAN NOT NULL,
	guidelines BOOLEAN NOT NULL,
	practice BOOLEAN NOT NULL,
	screening BOOLEAN NOT NULL,
	flags_percent INTEGER NOT NULL,
	ranks_percent INTEGER NOT NULL,
	demo_score DOUBLE PRECISION NOT NULL
);

ALTER TABLE members ADD COLUMN tags TEXT NOT NULL DEFAULT '{}';
ALTER TABLE members ADD COLUMN admitted BIGINT NOT NULL DEFAULT 0;
ALTER TABLE members ADD COLUMN survey_seen BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE members ADD COLUMN verdict TEXT NOT NULL DEFAULT '';
UPDATE members SET admitted = joined;
ALTER TABLE invites ADD COLUMN tags TEXT NOT NULL DEFAULT '{}';

-- Consent: every version of a project's text, and who answered which.
CREATE TABLE consent_texts (
	project_id BIGINT NOT NULL REFERENCES projects (id),
	version INTEGER NOT NULL,
	text TEXT NOT NULL,
	training BOOLEAN NOT NULL,
	created BIGINT NOT NULL,
	created_by BIGINT NOT NULL,
	PRIMARY KEY (project_id, version)
);
CREATE TABLE consents (
	id {{id}},
	project_id BIGINT NOT NULL REFERENCES projects (id),
	user_id BIGINT NOT NULL REFERENCES users (id),
	version INTEGER NOT NULL,
	agreed BOOLEAN NOT NULL,
	at BIGINT NOT NULL
);
CREATE INDEX consents_person ON consents (project_id, user_id, id);

-- What a person reads and does not want to read. About work, not about who they are.
CREATE TABLE profiles (
	user_id BIGINT PRIMARY KEY REFERENCES users (id),
	languages TEXT NOT NULL,
	opt_outs TEXT NOT NULL,
	topics TEXT NOT NULL,
	updated BIGINT NOT NULL
);

-- The optional survey, apart from identity: the answers know no user, the link
-- knows no answer, and nothing else joins them. Neither holds a time.
CREATE TABLE survey_answers (
	key TEXT PRIMARY KEY,
	project_id BIGINT NOT NULL REFERENCES projects (id),
	answers TEXT NOT NULL,
	training BOOLEAN NOT NULL
);
CREATE TABLE survey_links (
	project_id BIGINT NOT NULL REFERENCES projects (id),
	user_id BIGINT NOT NULL REFERENCES users (id),
	key TEXT NOT NULL UNIQUE,
	PRIMARY KEY (project_id, user_id)
);

-- Guidelines: every version of every language; lang '' is the project's own.
CREATE TABLE guideline_texts (
	project_id BIGINT NOT NULL REFERENCES projects (id),
	version INTEGER NOT NULL,
	lang TEXT NOT NULL,
	text TEXT NOT NULL,
	created BIGINT NOT NULL,
	created_by BIGINT NOT NULL,
	PRIMARY KEY (project_id, version, lang)
);
INSERT INTO guideline_texts (project_id, version, lang, text, created, created_by)
	SELECT id, guideline, '', instructions, created, created_by FROM projects;
CREATE TABLE guideline_reads (
	project_id BIGINT NOT NULL REFERENCES projects (id),
	user_id BIGINT NOT NULL REFERENCES users (id),
	version INTEGER NOT NULL,
	at BIGINT NOT NULL,
	PRIMARY KEY (project_id, user_id)
);

-- Scores, 1 to 7, that leads give to the demonstrations of the screening.
CREATE TABLE demo_scores (
	answer_id BIGINT PRIMARY KEY REFERENCES answers (id),
	score INTEGER NOT NULL,
	scored_by BIGINT NOT NULL,
	scored BIGINT NOT NULL
);

-- Feedback is anonymous: who gave some is known, not which.
CREATE TABLE feedback (
	key TEXT PRIMARY KEY,
	project_id BIGINT NOT NULL REFERENCES projects (id),
	ratings TEXT NOT NULL,
	comment TEXT NOT NULL
);
CREATE TABLE feedback_given (
	project_id BIGINT NOT NULL REFERENCES projects (id),
	user_id BIGINT NOT NULL REFERENCES users (id),
	PRIMARY KEY (project_id, user_id)
);

-- Questions on the guidelines, with replies.
CREATE TABLE questions (
	id {{id}},
	project_id BIGINT NOT NULL REFERENCES projects (id),
	user_id BIGINT NOT NULL REFERENCES users (id),
	text TEXT NOT NULL,
	asked BIGINT NOT NULL,
	hidden BOOLEAN NOT NULL
);
CREATE INDEX questions_project ON questions (project_id, id);
CREATE TABLE question_replies (
	id {{id}},
	question_id BIGINT NOT NULL REFERENCES questions (id),
	user_id BIGINT NOT NULL REFERENCES users (id),
	lead BOOLEAN NOT NULL,
	text TEXT NOT NULL,
	at BIGINT NOT NULL
);
CREATE INDEX question_replies_question ON question_replies (question_id, id);
CREATE TABLE question_reads (
	project_id BIGINT NOT NULL REFERENCES projects (id),
	user_id BIGINT NOT NULL REFERENCES users (id),
	seen BIGINT NOT NULL,
	PRIMARY KEY (project_id, user_id)
);

-- The second factor at sign-in.
ALTER TABLE users ADD COLUMN totp BIGINT NOT NULL DEFAULT 0;
CREATE TABLE totp_secrets (
	user_id BIGINT PRIMARY KEY REFERENCES users (id),
	secret TEXT NOT NULL,
	last_step BIGINT NOT NULL
);
CREATE TABLE recovery_codes (
	user_id BIGINT NOT NULL REFERENCES users (id),
	code_hash TEXT NOT NULL,
	used BIGINT NOT NULL,
	PRIMARY KEY (user_id, code_hash)
);
