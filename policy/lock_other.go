//go:build !unix

package policy

// lockDir does nothing here.
func lockDir(string) (unlock func() error, err error) { return func() error { return nil }, nil }
