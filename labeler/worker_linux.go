package labeler

import (
	"os/exec"
	"syscall"
)

// childAttributes gives the worker its own process group, so that Ctrl-C in the
// terminal reaches it once, through the site, and ends it when the site dies.
func childAttributes(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}

// lowerPriority puts the calling thread, and what it starts, behind the site's requests.
func lowerPriority() { _ = syscall.Setpriority(syscall.PRIO_PROCESS, 0, 10) }
