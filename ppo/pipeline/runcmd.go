package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"

	"agora/db"
)

// RunCmd is `agora run`.
type RunCmd struct {
	List   RunListCmd   `cmd:"" help:"List runs, newest first."`
	Show   RunShowCmd   `cmd:"" help:"Show one run with its newest metrics."`
	Resume RunResumeCmd `cmd:"" help:"Go on with a stopped, failed or interrupted run."`

	Register RunRegisterCmd `cmd:"" help:"Tell a database of a model that was trained without it, so that withdrawals can name it."`
}

// Database says which database a command works on.
type Database struct {
	DB  string `name:"db" placeholder:"FILE" help:"Database: a file (default: agora.db in --dir), or postgres://USER@HOST/NAME with the password in PGPASSWORD or ~/.pgpass."`
	Dir string `default:"." placeholder:"DIR" help:"Folder of the database when --db is not given."`
}

func (d Database) path() string {
	if d.DB != "" {
		return d.DB
	}
	return filepath.Join(d.Dir, "agora.db")
}

// RunListCmd is `agora run list`.
type RunListCmd struct {
	Database
	Project string `placeholder:"NAME" help:"Only the runs of this project."`
	JSON    bool   `name:"json" help:"One JSON object a line."`
}

// Help is shown by --help.
func (*RunListCmd) Help() string { return "Example: agora run list --dir agora-data" }

// Run prints the list.
func (c *RunListCmd) Run(ctx context.Context) error {
	return withStore(ctx, c.path(), func(store *db.Store) error {
		var project int64
		if c.Project != "" {
			p, err := store.ProjectByName(ctx, c.Project)
			if err != nil {
				return err
			}
			project = p.ID
		}
		runs, err := store.ListRuns(ctx, project)
		if err != nil {
			return err
		}
		if c.JSON {
			return eachJSON(os.Stdout, runs, runJSON)
		}
		return listRuns(os.Stdout, runs)
	})
}

func listRuns(w io.Writer, runs []db.Run) error {
	if len(runs) == 0 {
		_, err := fmt.Fprintln(w, "no runs yet")
		return err
	}
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "ID\tKIND\tNAME\tSTATUS\tPROGRESS\tMESSAGE")
	for _, r := range runs {
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\n", r.ID, r.Kind, r.Name, r.Status, progressOf(r), r.Message)
	}
	return t.Flush()
}

func progressOf(r db.Run) string {
	if r.Total == 0 {
		return "–"
	}
	return fmt.Sprintf("%d/%d", r.Done, r.Total)
}

// RunShowCmd is `agora run show`.
type RunShowCmd struct {
	Database
	ID   int64 `arg:"" help:"Run, as 'agora run list' numbers them."`
	JSON bool  `name:"json" help:"One JSON object."`
}

// Help is shown by --help.
func (*RunShowCmd) Help() string { return "Example: agora run show 3 --dir agora-data" }

// Run prints the run.
func (c *RunShowCmd) Run(ctx context.Context) error {
	return withStore(ctx, c.path(), func(store *db.Store) error {
		run, err := store.Run(ctx, c.ID)
		if err != nil {
			return fmt.Errorf("run %d: %w", c.ID, err)
		}
		metrics, err := store.LatestMetrics(ctx, c.ID)
		if err != nil {
			return err
		}
		if c.JSON {
			out := runJSON(run)
			latest := map[string]float64{}
			for _, m := range metrics {
				latest[m.Name] = m.Value
			}
			out["metrics"] = latest
			return json.NewEncoder(os.Stdout).Encode(out)
		}
		return showRun(os.Stdout, run, metrics)
	})
}

func showRun(w io.Writer, r db.Run, metrics []db.Metric) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	for _, row := range [][2]string{
		{"run", fmt.Sprintf("%d (%s) %s", r.ID, r.Kind, r.Name)}, {"status", r.Status}, {"message", r.Message},
		{"progress", progressOf(r)}, {"directory", r.Dir}, {"worker", r.Worker}, {"created", when(r.Created)},
		{"started", when(r.Started)}, {"finished", when(r.Finished)}, {"config", r.Config}, {"inputs", r.Inputs}, {"result", r.Result},
	} {
		if row[1] != "" && row[1] != "{}" {
			fmt.Fprintf(t, "%s\t%s\n", row[0], row[1])
		}
	}
	slices.SortFunc(metrics, func(a, b db.Metric) int { return int(a.Step - b.Step) })
	for _, m := range metrics {
		fmt.Fprintf(t, "%s\t%.5g\t(step %d)\n", m.Name, m.Value, m.Step)
	}
	return t.Flush()
}

func when(m db.Millis) string {
	if m == 0 {
		return ""
	}
	return m.Time().Local().Format(time.DateTime)
}

// RunResumeCmd is `agora run resume`.
type RunResumeCmd struct {
	Database
	ID   int64 `arg:"" help:"Run, as 'agora run list' numbers them."`
	JSON bool  `name:"json" help:"Print the finished run as JSON."`
}

// Help is shown by --help.
func (*RunResumeCmd) Help() string {
	return `Trains in this process, from the newest checkpoint, what a stopped, failed or interrupted run left.

Example: agora run resume 3 --dir agora-data`
}

// Run trains the run to its end.
func (c *RunResumeCmd) Run(ctx context.Context) error {
	return withStore(ctx, c.path(), func(store *db.Store) error {
		w := NewWorker(store, slog.New(slog.NewTextHandler(os.Stderr, nil)))
		run, err := store.StartRun(ctx, c.ID, w.Name)
		if err != nil {
			return err
		}
		if err := w.Train(ctx, run); err != nil {
			return fmt.Errorf("run %d: %w", c.ID, err)
		}
		if run, err = store.Run(ctx, c.ID); err != nil {
			return err
		}
		if c.JSON {
			return json.NewEncoder(os.Stdout).Encode(runJSON(run))
		}
		return showRun(os.Stdout, run, nil)
	})
}

// runJSON is a run for machines, its JSON columns as objects.
func runJSON(r db.Run) map[string]any {
	return map[string]any{
		"id": r.ID, "kind": r.Kind, "name": r.Name, "project_id": r.ProjectID, "status": r.Status, "message": r.Message,
		"done": r.Done, "total": r.Total, "dir": r.Dir, "worker": r.Worker, "attempt": r.Attempt,
		"config": json.RawMessage(r.Config), "inputs": json.RawMessage(r.Inputs), "result": json.RawMessage(r.Result),
		"created": r.Created, "started": r.Started, "finished": r.Finished,
	}
}

func eachJSON[T any](w io.Writer, rows []T, render func(T) map[string]any) error {
	enc := json.NewEncoder(w)
	for _, r := range rows {
		if err := enc.Encode(render(r)); err != nil {
			return err
		}
	}
	return nil
}

// withStore opens an existing database for one command.
func withStore(ctx context.Context, dsn string, fn func(*db.Store) error) error {
	if _, err := os.Stat(dsn); err != nil && !db.IsServer(dsn) {
		return fmt.Errorf("no database at %s (--db or --dir says where it is)", dsn)
	}
	store, err := db.Open(ctx, dsn, db.Options{})
	if err != nil {
		return err
	}
	defer store.Close()
	return fn(store)
}
