package experiment

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"agora/policy/cpu"
)

// ExperimentCmd is `agora experiment`.
type ExperimentCmd struct {
	List ListCmd `cmd:"" help:"What can be run, with the claim of each and about how long it takes."`
	Run  RunCmd  `cmd:"" help:"Run one experiment and write its report."`

	Check CheckCmd `cmd:"" help:"The answer checker of the gsm8k experiment, as an exec: reward."`
}

// An experiment trains, measures and reports.
type experiment struct {
	name, title, claim string
	minutes            int // on two idle cores, with the default seeds, alone in an empty folder
	run                func(ctx context.Context, l *lab, o options, r *report) error
}

// options are the sizes that a user may change.
type options struct {
	seeds int
	full  bool
	data  string
}

// experiments lists all, in the order in which they build on each other.
var experiments = []experiment{algorithms, ptx, klSweep, size, pluralism, labelerFolds, sums, smollm2}

// ListCmd is `agora experiment list`.
type ListCmd struct {
	JSON bool `name:"json" help:"One JSON object a line."`
}

// Help shows an example.
func (*ListCmd) Help() string { return "Example:\n  agora experiment list" }

// Run prints the list.
func (c *ListCmd) Run(context.Context) error {
	for _, e := range experiments {
		if c.JSON {
			if err := json.NewEncoder(os.Stdout).Encode(map[string]any{"name": e.name, "title": e.title, "claim": e.claim, "minutes": e.minutes}); err != nil {
				return err
			}
			continue
		}
		fmt.Printf("%-14s %s (some %d minutes on two cores)\n               Claim: %s\n", e.name, e.title, e.minutes, e.claim)
	}
	return nil
}

// RunCmd is `agora experiment run`.
type RunCmd struct {
	Name    string `arg:"" placeholder:"NAME" help:"One of agora experiment list."`
	Dir     string `default:"agora-experiments" placeholder:"DIR" help:"Folder for all trainings and reports. Experiments in one folder share what they have in common; a second start goes on."`
	Seeds   int    `default:"3" help:"How often what is compared is trained, with seeds 0, 1, 2 …"`
	Full    bool   `help:"More of everything: longer runs, more values. Takes hours."`
	Data    string `default:"../shared" env:"AGORA_TESTDATA" placeholder:"DIR" help:"Folder of the large data sets, for experiments that need them."`
	Workers int    `help:"Worker threads; 0 means one per core. Results do not depend on it."`
	JSON    bool   `name:"json" help:"Print the report's numbers as one JSON object."`
}

// Help shows examples.
func (*RunCmd) Help() string {
	return `Trains what the experiment needs, measures, and writes DIR/NAME/report.md with its charts. Ctrl-C at any
time is safe: the same command goes on where it was stopped.

Example:
  agora experiment list
  agora experiment run ptx --dir experiments --seeds 3`
}

// Run runs the experiment.
func (c *RunCmd) Run(ctx context.Context) error {
	e, err := named(c.Name)
	if err != nil {
		return err
	}
	if c.Seeds < 1 {
		return fmt.Errorf("experiment: seeds %d must be at least 1", c.Seeds)
	}
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		return err
	}
	dev, err := cpu.Open(c.Workers)
	if err != nil {
		return err
	}
	l := &lab{dir: dir, dev: dev, say: func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }}
	l.say("%s: %s\nEverything goes to %s; some %d minutes on two idle cores.", e.name, e.title, dir, e.minutes)
	began := time.Now()
	r := newReport(e.name, e.title, e.claim)
	if err := e.run(ctx, l, options{seeds: c.Seeds, full: c.Full, data: c.Data}, r); err != nil {
		if errors.Is(err, context.Canceled) || ctx.Err() != nil {
			return fmt.Errorf("stopped; what is done is kept in %s, the same command goes on from there", dir)
		}
		return fmt.Errorf("experiment %s: %w", e.name, err)
	}
	if err := r.write(l.path(e.name), c.command()); err != nil {
		return err
	}
	l.say("Done in %s. The report: %s", time.Since(began).Round(time.Second), l.path(e.name, "report.md"))
	if c.JSON {
		return json.NewEncoder(os.Stdout).Encode(r)
	}
	fmt.Print(r.markdown(c.command()))
	return nil
}

// command is what to type to get the report again.
func (c *RunCmd) command() string {
	line := fmt.Sprintf("agora experiment run %s --seeds %d", c.Name, c.Seeds)
	if c.Full {
		line += " --full"
	}
	return line
}

func named(name string) (experiment, error) {
	var names []string
	for _, e := range experiments {
		if e.name == name {
			return e, nil
		}
		names = append(names, e.name)
	}
	return experiment{}, fmt.Errorf("experiment: %q is none of %s", name, strings.Join(names, ", "))
}
