package scale

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"time"

	"agora/policy"
	"agora/policy/checkpoint"
	"agora/policy/cpu"
)

// Result is that of a cell, one short pretraining run of a grid, as its file keeps it.
type Result struct {
	Schema   string         `json:"schema"`
	Name     string         `json:"name"`
	Config   map[string]any `json:"config"`  // as policy pretrain would be given
	Text     string         `json:"text"`    // hash of the tokens, training and held-out
	Kernels  string         `json:"kernels"` // other kernels give other last bits
	Params   float64        `json:"params"`  // weights in matrix products, the head's included; 0 embedding
	Tokens   float64        `json:"tokens"`
	Flops    float64        `json:"flops"`      // 6 · params · tokens
	Loss     *float64       `json:"loss"`       // on held-out text at the end, nats per token; null if it diverged
	Train    *float64       `json:"train_loss"` // mean of the last tenth of the steps; null if it diverged
	Diverged bool           `json:"diverged,omitempty"`
	Seconds  float64        `json:"seconds"` // wall time; the one field that depends on the machine
}

const cellSchema = "cell/1"

// job is a cell that is to be run.
type job struct {
	name   string
	config policy.PretrainConfig
}

// grid runs cells and keeps them in a folder.
type grid struct {
	dir     string // of the experiment; cells are in dir/cells
	dev     *cpu.Device
	text    policy.Text
	hash    string // of the text
	held    int    // tokens of held-out text to measure on
	console *policy.Console

	planned, done float64 // work, see work
	ran           int     // cells of this call that were not there before
}

func (g *grid) path(name string) string { return filepath.Join(g.dir, "cells", name+".json") }

// named is a config as it reads back from JSON, so that the two can be compared.
func named(c policy.PretrainConfig) (map[string]any, error) {
	data, err := json.Marshal(policy.Named(&c))
	if err != nil {
		return nil, err
	}
	var m map[string]any
	return m, json.Unmarshal(data, &m)
}

// read returns the cell if an earlier call ran it. One that was run with other settings or on other
// text is an error that names the difference.
func (g *grid) read(j job) (Result, bool, error) {
	var c Result
	data, err := os.ReadFile(g.path(j.name))
	if errors.Is(err, fs.ErrNotExist) {
		return c, false, nil
	} else if err != nil {
		return c, false, err
	}
	if err := json.Unmarshal(data, &c); err != nil {
		return c, false, fmt.Errorf("%s: %w", g.path(j.name), err)
	}
	want, err := named(j.config)
	if err != nil {
		return c, false, err
	}
	defaults, err := named(policy.DefaultPretrain())
	if err != nil {
		return c, false, err
	}
	for key, value := range want {
		if _, ok := c.Config[key]; !ok && reflect.DeepEqual(value, defaults[key]) {
			continue // a setting that is younger than the cell
		}
		if !reflect.DeepEqual(c.Config[key], value) {
			return c, false, fmt.Errorf("%s was run with %s = %v, now it is %v: take another --out", g.path(j.name), key, c.Config[key], value)
		}
	}
	if c.Text != g.hash {
		return c, false, fmt.Errorf("%s was run on other text: take another --out", g.path(j.name))
	}
	return c, true, nil
}

// run returns the cell's result, from its file or by training.
func (g *grid) run(ctx context.Context, j job) (Result, error) {
	c, ok, err := g.read(j)
	if err != nil {
		return c, err
	}
	if !ok {
		if c, err = g.train(ctx, j); err != nil {
			return c, err
		}
		g.ran++
	}
	g.done += work(j.config)
	g.progress(0)
	return c, nil
}

func (g *grid) train(ctx context.Context, j job) (Result, error) {
	start := time.Now()
	config, err := named(j.config)
	if err != nil {
		return Result{}, err
	}
	t, err := policy.NewTrial(g.dev, j.config, g.text, g.held)
	if err != nil {
		return Result{}, fmt.Errorf("%s: %w", j.name, err)
	}
	c := Result{Schema: cellSchema, Name: j.name, Config: config, Text: g.hash, Kernels: g.dev.Kernels(), Params: t.Model.Config.FlopsPerToken() / 6}
	c.Tokens = float64(j.config.Steps) * float64(j.config.BatchSequences*j.config.Context)
	c.Flops = 6 * c.Params * c.Tokens
	if err := g.steps(ctx, t, &c, work(j.config)); err != nil {
		return c, err
	}
	c.Seconds = time.Since(start).Seconds()
	return c, g.write(c)
}

// steps trains to the end and measures; a run that diverges is a result too.
func (g *grid) steps(ctx context.Context, t *policy.Trial, c *Result, cost float64) error {
	tail := max(t.Steps/10, 1)
	sum := 0.0
	for i := range t.Steps {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		loss, err := t.Step()
		if errors.Is(err, policy.ErrNotFinite) {
			c.Diverged = true
			return nil
		} else if err != nil {
			return err
		}
		if i >= t.Steps-tail {
			sum += loss
		}
		g.progress(cost * float64(i+1) / float64(t.Steps))
	}
	held, err := t.HeldOut(ctx)
	if err != nil {
		return err
	}
	if held != held {
		c.Diverged = true
		return nil
	}
	train := sum / float64(tail)
	c.Loss, c.Train = &held, &train
	return nil
}

func (g *grid) write(c Result) error {
	data, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(g.path(c.Name)), 0o755); err != nil {
		return err
	}
	return checkpoint.WriteFile(g.path(c.Name), append(data, '\n'))
}

// work is what a run costs: its FLOPs, and what small models spend beside matrix products, as many
// FLOPs again as a model of a quarter of a million weights has.
func work(c policy.PretrainConfig) float64 {
	const beside = 250e3
	tokens := float64(c.Steps) * float64(c.BatchSequences*c.Context)
	return 6 * (paramsOf(c) + beside) * tokens
}

// progress shows the share done in thousandths, with the time that is left.
func (g *grid) progress(within float64) {
	if g.console == nil || g.planned == 0 {
		return
	}
	g.console.Progress(min(int(1000*(g.done+within)/g.planned), 1000), 1000)
}

// stopped says how to go on, if the run was told to end.
func (g *grid) stopped(err error) error {
	if !errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("stopped; %s keeps what is done (%d runs of this call), the same command goes on: %w", g.dir, g.ran, err)
}
