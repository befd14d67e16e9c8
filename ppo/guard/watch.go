package guard

import (
	"fmt"
	"slices"
)

// A Warning is something that is likely wrong.
type Warning struct {
	Kind string    // as in Kinds
	Step int       // iteration of a rollout method, optimizer step of others
	Args []float64 // the numbers in Text, in their order; pages in other languages put them into theirs
	Text string    // what was seen, what usually causes it, and which setting to change
}

// Recent is how many reports a warning stands for: as long it is not said again, and as long a page shows it.
const Recent = 10

// A Watch follows one run, report by report.
type Watch struct {
	checks []check
	of     map[string]*series // by name, of the metrics that the checks read
	judged fall
}

// NewWatch follows a run of this kind: ppo, rloo, grpo, dpo or reward; others have no warnings.
func NewWatch(kind string) *Watch {
	w := &Watch{checks: checksOf[kind], of: map[string]*series{}}
	for _, c := range w.checks {
		for _, name := range c.reads {
			w.of[name] = &series{}
		}
	}
	return w
}

// Add takes the numbers of the next step and says what stands out there, most serious first.
func (w *Watch) Add(step int, values map[string]float64) []Warning {
	for name, s := range w.of {
		if v, ok := values[name]; ok {
			s.add(step, v)
		}
	}
	if v, ok := values[judge]; ok && w.of[judge] != nil {
		w.judged.add(step, v, values[reward])
	}
	var out []Warning
	for _, c := range w.checks {
		if args, yes := c.seen(w); yes {
			words := make([]any, len(args))
			for i, x := range args {
				words[i] = x
			}
			out = append(out, Warning{c.kind, step, args, fmt.Sprintf(c.text, words...)})
		}
	}
	return out
}

// A Point is a metric's value at a step.
type Point struct {
	Step  int
	Value float64
}

// Standing are the newest warning of each kind among the last reports of a run whose metrics are these, most
// serious first. The points of a metric are in order of their steps.
func Standing(kind string, metrics map[string][]Point) []Warning {
	w := NewWatch(kind)
	rows := map[int]map[string]float64{}
	var steps []int
	for name := range w.of {
		for _, p := range metrics[name] {
			if rows[p.Step] == nil {
				rows[p.Step] = map[string]float64{}
				steps = append(steps, p.Step)
			}
			rows[p.Step][name] = p.Value
		}
	}
	slices.Sort(steps)
	newest := map[string]Warning{}
	for i, step := range steps {
		for _, warning := range w.Add(step, rows[step]) {
			if i >= len(steps)-Recent {
				newest[warning.Kind] = warning
			}
		}
	}
	var out []Warning
	for _, c := range w.checks {
		if warning, ok := newest[c.kind]; ok {
			out = append(out, warning)
		}
	}
	return out
}

// series is what a run has logged of one metric.
type series struct {
	steps  []int
	values []float64
}

func (s *series) add(step int, v float64) {
	s.steps, s.values = append(s.steps, step), append(s.values, v)
}

// newest is the last value; false if the metric is not logged.
func (s *series) newest() (float64, bool) {
	if len(s.values) == 0 {
		return 0, false
	}
	return s.values[len(s.values)-1], true
}

// ends are the means of the first and of the last so many values; false as long as they overlap.
func (s *series) ends(width int) (first, last float64, ok bool) {
	if len(s.values) < 2*width {
		return 0, 0, false
	}
	return mean(s.values[:width]), mean(s.values[len(s.values)-width:]), true
}

func mean(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v
	}
	return sum / float64(len(x))
}
