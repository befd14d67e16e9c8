//go:build !unix

package pipeline

// lowerPriority does nothing here: the system has no nice value.
func lowerPriority(int) error { return nil }
