package labeler

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

const (
	workerGrace   = 10 * time.Second // to commit a checkpoint after SIGTERM
	workerBackoff = time.Second      // first pause before a crashed worker starts again, doubled up to a minute
)

// workerCommand is what runs trainings: this program's own `work` command.
func (cfg ServeConfig) workerCommand() []string {
	if len(cfg.WorkerCommand) > 0 {
		return cfg.WorkerCommand
	}
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	return []string{self, "work", "--db", cfg.DB}
}

// superviseWorker keeps one worker process running at low priority until ctx
// ends. A worker that crashes is started again, more slowly each time; its run
// is resumed by whoever claims it. The site goes on in any case.
func superviseWorker(ctx context.Context, command []string, n int, log *slog.Logger) {
	pause := workerBackoff
	for ctx.Err() == nil {
		start := time.Now()
		err := runWorker(ctx, command)
		if ctx.Err() != nil {
			return
		}
		if time.Since(start) > time.Minute {
			pause = workerBackoff
		}
		log.Error("worker ended; starting it again", "worker", n, "error", err, "pause", pause)
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, time.Minute)
	}
}

// runWorker runs one worker process to its end. When ctx ends it asks the
// process to stop, and kills it after workerGrace.
func runWorker(ctx context.Context, command []string) error {
	// The child inherits this thread's priority and is told when the thread
	// dies, so it is locked and never unlocked: it ends with this goroutine.
	runtime.LockOSThread()
	lowerPriority()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = workerGrace
	childAttributes(cmd)
	if err := cmd.Start(); err != nil {
		return err
	}
	err := cmd.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return fmt.Errorf("worker process %d: %w", cmd.Process.Pid, err)
	}
	return err
}
