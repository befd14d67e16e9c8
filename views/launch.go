package views

// errorsBelow tells whether a folded field has an error, so that the fold must stand open.
func (l Launch) errorsBelow() bool {
	for _, f := range l.More {
		if f.Error != "" {
			return true
		}
	}
	return false
}
