package db

// Sabotage changes the database behind the store's back, to see whether a test
// of what the store keeps would notice.
func (s *Store) Sabotage(statement string) error { return s.w.Exec(statement).Error }
