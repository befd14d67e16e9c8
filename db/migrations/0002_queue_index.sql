-- Handing out and counting what is left read the index alone.
DROP INDEX items_queue;
CREATE INDEX items_queue ON items (project_id, closed, kind, priority DESC, id, taken, k);
CREATE INDEX drafts_user ON drafts (user_id);
