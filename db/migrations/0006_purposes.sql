-- What an item and its answers are for, whose text it is, how far a member
-- has come, and the part of an answer that goes beyond a ranking.
ALTER TABLE items ADD COLUMN purpose TEXT NOT NULL DEFAULT '';
ALTER TABLE items ADD COLUMN solution TEXT NOT NULL DEFAULT '';
ALTER TABLE items ADD COLUMN author_id BIGINT NOT NULL DEFAULT 0;
ALTER TABLE completions ADD COLUMN author_id BIGINT NOT NULL DEFAULT 0;
ALTER TABLE answers ADD COLUMN purpose TEXT NOT NULL DEFAULT '';
ALTER TABLE answers ADD COLUMN form TEXT NOT NULL DEFAULT '';
ALTER TABLE answers ADD COLUMN details TEXT NOT NULL DEFAULT '';
ALTER TABLE members ADD COLUMN stage TEXT NOT NULL DEFAULT 'active';
