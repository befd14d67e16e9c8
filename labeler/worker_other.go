//go:build !linux

package labeler

import "os/exec"

// childAttributes leaves the worker as it is where the system has no equivalent.
func childAttributes(*exec.Cmd) {}

func lowerPriority() {}
