-- lower() folds ASCII only; names are compared by a key that agora computes.
ALTER TABLE users ADD COLUMN name_key TEXT NOT NULL DEFAULT '';
UPDATE users SET name_key = lower(name);
DROP INDEX users_name;
CREATE UNIQUE INDEX users_name ON users (name_key);
