//go:build unix

package policy

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// lockDir takes a directory for this process until unlock or the end of the process, however it ends.
func lockDir(dir string) (unlock func() error, err error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	// A process that was killed a moment ago may still be going away.
	for range 20 {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if errors.Is(err, syscall.EWOULDBLOCK) {
		f.Close()
		return nil, fmt.Errorf("%s is in use by another process", dir)
	}
	if err != nil { // a file system without locks
		return f.Close, nil
	}
	return f.Close, nil
}
