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
	minutes            int    // on two idle cores, without flags, alone in an empty folder: an estimate
	seeds              int    // how many it trains with unless --seeds says otherwise
	repeats            string // what --seeds trains that often; where empty, the flag is refused
	full               string // what --full changes; where empty, the flag is refused
	data               bool   // reads --data
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

// Help says what the minutes are, and shows an example.
func (*ListCmd) Help() string {
	return `The minutes are estimates for two idle cores, without flags, in an empty folder; every report says what its
trainings took.

Example:
  agora experiment list`
}

// Run prints the list.
func (c *ListCmd) Run(context.Context) error {
	for _, e := range experiments {
		if c.JSON {
			if err := json.NewEncoder(os.Stdout).Encode(map[string]any{"name": e.name, "title": e.title, "claim": e.claim, "minutes": e.minutes,
				"seeds": e.seeds, "repeats": e.repeats, "full": e.full, "data": e.data}); err != nil {
				return err
			}
			continue
		}
		fmt.Printf("%-14s %s (an estimated %d minutes on two idle cores)\n", e.name, e.title, e.minutes)
		for _, line := range append([]string{"Claim: " + e.claim}, e.flags()...) {
			fmt.Printf("%-14s %s\n", "", line)
		}
	}
	return nil
}

// flags says which of run's flags the experiment honours, and how.
func (e experiment) flags() []string {
	out := []string{"--seeds: none", "--full:  none"}
	if e.repeats != "" {
		out[0] = fmt.Sprintf("--seeds: %s; %d unless given", e.repeats, e.seeds)
	}
	if e.full != "" {
		out[1] = "--full:  " + e.full
	}
	if e.data {
		out = append(out, "--data:  needed")
	}
	return out
}

// RunCmd is `agora experiment run`.
type RunCmd struct {
	Name    string `arg:"" placeholder:"NAME" help:"One of agora experiment list."`
	Dir     string `default:"agora-experiments" placeholder:"DIR" help:"Folder for all trainings and reports. Experiments in one folder share what they have in common; a second start goes on."`
	Seeds   *int   `placeholder:"N" help:"How often what is compared is trained, with seeds 0, 1, 2 …; see agora experiment list for who repeats what, and how often by itself."`
	Full    bool   `help:"More of what the experiment has more of: see agora experiment list. May take hours."`
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
	o, err := c.options(e)
	if err != nil {
		return err
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
	l.say("%s: %s\nEverything goes to %s; an estimated %d minutes on two idle cores.", e.name, e.title, dir, e.minutes)
	began := time.Now()
	r := newReport(e.name, e.title, e.claim)
	if err := e.run(ctx, l, o, r); err != nil {
		if errors.Is(err, context.Canceled) || ctx.Err() != nil {
			return fmt.Errorf("stopped; what is done is kept in %s, the same command goes on from there", dir)
		}
		return fmt.Errorf("experiment %s: %w", e.name, err)
	}
	if r.Made, err = l.effort(); err != nil {
		l.say("What the trainings took is not known: %v", err)
		r.Made = made{}
	}
	r.Made.Command = e.command(o)
	if err := r.write(l.path(e.name)); err != nil {
		return err
	}
	l.say("Done in %s. The report: %s", time.Since(began).Round(time.Second), l.path(e.name, "report.md"))
	if c.JSON {
		return json.NewEncoder(os.Stdout).Encode(r)
	}
	fmt.Print(r.markdown())
	return nil
}

// options are the flags as the experiment takes them; one that it would ignore is refused.
func (c *RunCmd) options(e experiment) (options, error) {
	o := options{seeds: e.seeds, full: c.Full, data: c.Data}
	switch {
	case c.Full && e.full == "":
		return o, fmt.Errorf("experiment: %s has no --full (more values, longer runs): it has one size", e.name)
	case c.Seeds == nil:
	case e.repeats == "":
		return o, fmt.Errorf("experiment: %s has no --seeds (training again with seeds 0, 1, 2 …): it trains once, with seed 0", e.name)
	case *c.Seeds < 1:
		return o, fmt.Errorf("experiment: seeds %d must be at least 1", *c.Seeds)
	default:
		o.seeds = *c.Seeds
	}
	return o, nil
}

// command is what to type to get the report again: the flags that the experiment used.
func (e experiment) command(o options) string {
	line := "agora experiment run " + e.name
	if e.repeats != "" {
		line += fmt.Sprintf(" --seeds %d", o.seeds)
	}
	if o.full {
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
