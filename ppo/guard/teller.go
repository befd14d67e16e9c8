package guard

import (
	"errors"
	"io/fs"
)

// A Teller is where a run reports its numbers (a policy.Sink) to have them watched: it says each kind of warning when
// it comes up, and again after Recent reports.
type Teller struct {
	Kind string // of the run
	Unit string // what a step is called: iteration or step
	Log  string // the run's metrics.jsonl: a resumed run's earlier numbers
	Say  func(format string, args ...any)

	watch   *Watch
	reports int
	said    map[string]int // kind of warning → report
}

// Metrics implements policy.Sink.
func (t *Teller) Metrics(step int, values map[string]float64) error {
	if t.watch == nil {
		t.watch, t.said = NewWatch(t.Kind), map[string]int{}
		if err := t.replay(step); err != nil {
			return err
		}
	}
	for _, w := range t.due(step, values) {
		t.Say("%s %d: %s", t.Unit, step, w.Text)
	}
	return nil
}

// Sample implements policy.Sink.
func (*Teller) Sample(int, map[string]any) error { return nil }

// Progress implements policy.Sink.
func (*Teller) Progress(int, int) {}

// due are the warnings of a report that have not been said of late.
func (t *Teller) due(step int, values map[string]float64) []Warning {
	t.reports++
	var out []Warning
	for _, w := range t.watch.Add(step, values) {
		if last, ok := t.said[w.Kind]; ok && t.reports < last+Recent {
			continue
		}
		t.said[w.Kind] = t.reports
		out = append(out, w)
	}
	return out
}

// replay reads what the run logged before this step, in silence.
func (t *Teller) replay(before int) error {
	err := eachLine(t.Log, func(step int, values map[string]float64) {
		if step < before {
			t.due(step, values)
		}
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
