-- Which answers are in force, from the index alone: what cached statistics are checked against.
CREATE INDEX answers_force ON answers (project_id, state, purpose, id);
