package pipeline

import (
	"context"
	"log/slog"
	"os"

	"agora/db"
)

// WorkCmd is `agora work`.
type WorkCmd struct {
	Database
	Once    bool `help:"End when no run is queued."`
	Nice    int  `default:"5" help:"Lower the process's priority by this much (0 to 19), so that the site stays quick."`
	Threads int  `default:"0" help:"Threads of the device; 0 is one per core. Results do not depend on it."`
	JSON    bool `name:"json" help:"Write events as JSON lines on stdout."`
}

// Help is shown by --help.
func (*WorkCmd) Help() string {
	return `Claims queued runs (SFT, reward model, PPO), trains them in this process and writes their metrics
to the database. Several workers may share a database. Ctrl-C gives the current run back; the next
worker goes on from its newest checkpoint.

Example: agora work --db agora-data/agora.db`
}

// Run works until it is interrupted.
func (c *WorkCmd) Run(ctx context.Context) error {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	if c.JSON {
		log = slog.New(slog.NewJSONHandler(os.Stdout, nil))
	}
	if err := lowerPriority(c.Nice); err != nil {
		log.Warn("priority not lowered", "why", err)
	}
	store, err := db.Open(ctx, c.path(), db.Options{})
	if err != nil {
		return err
	}
	defer store.Close()
	w := NewWorker(store, log)
	w.Threads = c.Threads
	return w.Work(ctx, c.Once)
}
