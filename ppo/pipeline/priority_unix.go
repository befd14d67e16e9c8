//go:build unix

package pipeline

import "syscall"

// lowerPriority makes the whole process yield to others.
func lowerPriority(by int) error {
	if by <= 0 {
		return nil
	}
	return syscall.Setpriority(syscall.PRIO_PROCESS, 0, min(by, 19))
}
