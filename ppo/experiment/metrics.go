package experiment

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"agora/policy"
)

// took is a run's wall time by its own log: from every start to the last step before the next. What was
// lost to an interruption and computed again counts once.
func took(run string) (time.Duration, error) {
	var info struct {
		Started time.Time                  `json:"started"`
		Resumes []struct{ Time time.Time } `json:"resumes"`
	}
	if err := readJSON(filepath.Join(run, policy.RunFile), &info); err != nil {
		return 0, fmt.Errorf("%s: %w", filepath.Join(run, policy.RunFile), err)
	}
	starts := []time.Time{info.Started}
	for _, r := range info.Resumes {
		starts = append(starts, r.Time)
	}
	last := make([]time.Duration, len(starts)) // by start
	err := eachStep(run, func(values map[string]any) error {
		text, _ := values["time"].(string)
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return fmt.Errorf("time: %w", err)
		}
		k := len(starts) - 1
		for k > 0 && at.Before(starts[k]) {
			k--
		}
		last[k] = max(last[k], at.Sub(starts[k]))
		return nil
	})
	sum := time.Duration(0)
	for _, d := range last {
		sum += d
	}
	return sum, err
}

// effort sums up what the trainings took that the experiment rests on.
func (l *lab) effort() (made, error) {
	m := made{Runs: len(l.used)}
	for _, run := range l.used {
		d, err := took(run)
		if err != nil {
			return m, err
		}
		m.Seconds += d.Seconds()
		var known done
		if err := readJSON(run+".json", &known); err != nil {
			return m, fmt.Errorf("%s.json: %w", run, err)
		}
		if known.Workers == 0 {
			m.Unknown++
		} else if !slices.Contains(m.Workers, known.Workers) {
			m.Workers = append(m.Workers, known.Workers)
		}
	}
	slices.Sort(m.Workers)
	return m, nil
}

// curve reads some metrics of a run by step, in order. A step that lacks one of them is left out.
func curve(run string, names ...string) ([][]float64, error) {
	path := filepath.Join(run, policy.MetricsFile)
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var out [][]float64
	scan := bufio.NewScanner(f)
	scan.Buffer(nil, 1<<20)
	for line := 1; scan.Scan(); line++ {
		var values map[string]any
		if err := json.Unmarshal(scan.Bytes(), &values); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, line, err)
		}
		row := make([]float64, 0, len(names))
		for _, name := range names {
			if v, ok := values[name].(float64); ok {
				row = append(row, v)
			}
		}
		if len(row) == len(names) {
			out = append(out, row)
		}
	}
	return out, scan.Err()
}

// eachStep reads a run's metrics, step by step.
func eachStep(run string, do func(values map[string]any) error) error {
	path := filepath.Join(run, policy.MetricsFile)
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	scan := bufio.NewScanner(f)
	scan.Buffer(nil, 1<<20)
	for line := 1; scan.Scan(); line++ {
		var values map[string]any
		if err := json.Unmarshal(scan.Bytes(), &values); err != nil {
			return fmt.Errorf("%s:%d: %w", path, line, err)
		}
		if err := do(values); err != nil {
			return fmt.Errorf("%s:%d: %w", path, line, err)
		}
	}
	return scan.Err()
}
