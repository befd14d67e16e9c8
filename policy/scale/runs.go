package scale

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"

	"agora/policy"
)

// ReadRuns collects what a law can be fitted to. A path is
//
//	a folder of policy isoflop     every run in its cells/
//	a run of policy pretrain       its size, tokens and last validation loss
//	a file of JSON lines           {"params": N, "tokens": D, "loss": nats per token}
//
// Of runs of the same size and tokens only the best counts, so that a sweep of learning rates may be
// given as it is.
func ReadRuns(paths []string) ([]Observation, error) {
	var all []Observation
	for _, path := range paths {
		runs, err := readRuns(path)
		if err != nil {
			return nil, err
		}
		all = append(all, runs...)
	}
	best := map[[2]float64]Observation{}
	for _, r := range all {
		key := [2]float64{r.Params, r.Tokens}
		if old, ok := best[key]; !ok || r.Loss < old.Loss {
			best[key] = r
		}
	}
	all = all[:0]
	for _, r := range best {
		all = append(all, r)
	}
	sort.Slice(all, func(i, j int) bool {
		a, b := all[i], all[j]
		return a.Params < b.Params || a.Params == b.Params && a.Tokens < b.Tokens
	})
	return all, nil
}

func readRuns(path string) ([]Observation, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return readObservations(path)
	}
	if cells, _ := filepath.Glob(filepath.Join(path, "cells", "*.json")); len(cells) > 0 {
		return readCells(cells)
	}
	if _, err := os.Stat(filepath.Join(path, policy.RunFile)); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is neither a folder of policy isoflop nor a run of policy pretrain", path)
	}
	run, err := readPretrain(path)
	return []Observation{run}, err
}

// readObservations reads JSON lines.
func readObservations(path string) ([]Observation, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var runs []Observation
	line := 0
	for text := range bytes.Lines(data) {
		line++
		if len(bytes.TrimSpace(text)) == 0 {
			continue
		}
		var r Observation
		if err := json.Unmarshal(text, &r); err != nil {
			return nil, fmt.Errorf("%s: line %d: %w", path, line, err)
		}
		r.Source = fmt.Sprintf("%s: line %d", path, line)
		runs = append(runs, r)
	}
	return runs, nil
}

// readCells reads the results of a grid; runs that diverged have no loss and are left out.
func readCells(paths []string) ([]Observation, error) {
	var runs []Observation
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		var c Result
		if err := json.Unmarshal(data, &c); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if c.Schema != cellSchema {
			return nil, fmt.Errorf("%s: schema %q, this program reads %q", path, c.Schema, cellSchema)
		}
		if c.Loss != nil {
			runs = append(runs, Observation{Params: c.Params, Tokens: c.Tokens, Loss: *c.Loss, Source: path})
		}
	}
	return runs, nil
}

// readPretrain reads a finished run: the size from its model, tokens and loss from the last line of
// its metrics that has a validation loss.
func readPretrain(dir string) (Observation, error) {
	r := Observation{Source: dir}
	info, err := policy.Describe(dir)
	if err != nil {
		return r, err
	}
	r.Params = info.FlopsPerToken / 6
	data, err := os.ReadFile(filepath.Join(dir, policy.MetricsFile))
	if err != nil {
		return r, err
	}
	for line := range bytes.Lines(data) {
		var row map[string]any
		if err := json.Unmarshal(line, &row); err != nil {
			return r, fmt.Errorf("%s: %w", filepath.Join(dir, policy.MetricsFile), err)
		}
		tokens, _ := row[policy.MetricTokens].(float64)
		if loss, ok := row[policy.MetricValLoss].(float64); ok && tokens > 0 {
			r.Tokens, r.Loss = tokens, loss
		}
	}
	if r.Loss == 0 {
		return r, fmt.Errorf("%s has no validation loss", dir)
	}
	return r, nil
}
