package experiment

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"agora/policy"
	"agora/policy/checkpoint"
	"agora/policy/cpu"
	"agora/ppo/oneliners"
)

// Settings are keys of a training's configuration with their values.
type Settings = oneliners.Settings

// lab is the folder that experiments work in. Trainings and measurements in it are named by what they
// were made from, so that experiments share them, and a second start goes on where the first was stopped.
type lab struct {
	dir  string
	dev  *cpu.Device
	say  func(format string, args ...any)
	seed int
	used []string // run directories that the experiment rests on, each once
}

func (l *lab) path(parts ...string) string {
	return filepath.Join(append([]string{l.dir}, parts...)...)
}

// A training is what decides the bits of a model.
type training struct {
	kind   string
	title  string            // for people; not part of the key
	config any               // all settings, defaults included
	inputs map[string]string // role → file or model directory
}

// done is what the lab remembers of a finished training, beside its folder.
type done struct {
	Key     string             `json:"key"`
	Title   string             `json:"title"`
	Metrics map[string]float64 `json:"metrics"`
	Workers int                `json:"workers,omitempty"` // threads it had, at the end
}

// trained makes sure that a training is done and returns its run directory. do trains into dir, from
// where an earlier start stopped if resume is set, and returns the numbers that it ended with.
func (l *lab) trained(ctx context.Context, t training, do func(dir string, resume bool, console *policy.Console) (map[string]float64, error)) (string, error) {
	key, err := keyOf(t.kind, t.config, t.inputs)
	if err != nil {
		return "", fmt.Errorf("%s: %w", t.title, err)
	}
	dir := l.path("runs", t.kind+"-"+key[:10])
	if !slices.Contains(l.used, dir) {
		l.used = append(l.used, dir)
	}
	var old done
	if err := readJSON(dir+".json", &old); err == nil && old.Key == key {
		if _, err := checkpoint.Verify(filepath.Join(dir, policy.ResultDir)); err == nil {
			return dir, nil
		}
	}
	if err := ctx.Err(); err != nil {
		return "", err
	}
	l.say("  %s → %s", t.title, filepath.Base(dir))
	metrics, err := do(dir, begun(dir), policy.NewConsole(os.Stderr, "    "+t.kind))
	if err != nil {
		return "", fmt.Errorf("%s: %w", t.title, err)
	}
	return dir, writeJSON(dir+".json", done{key, t.title, metrics, l.dev.Workers()})
}

// begun says whether a folder holds an earlier attempt to go on with.
func begun(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, policy.RunFile))
	return !errors.Is(err, fs.ErrNotExist)
}

// model is where a finished run has its model.
func model(run string) string { return filepath.Join(run, policy.ResultDir) }

// keyOf hashes what decides a result: its kind, all settings, and the bytes of all inputs.
func keyOf(kind string, config any, inputs map[string]string) (string, error) {
	hashes := map[string]string{}
	for role, path := range inputs {
		hash, err := hashPath(path)
		if err != nil {
			return "", err
		}
		hashes[role] = hash
	}
	b, err := json.Marshal([]any{kind, policy.Named(config), hashes})
	if err != nil {
		return "", err
	}
	return checkpoint.HashBytes(b)[len("sha256:"):], nil
}

func hashPath(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !info.IsDir() {
		return checkpoint.HashFile(path)
	}
	if path, err = policy.Resolve(path); err != nil {
		return "", err
	}
	return checkpoint.HashDir(path)
}

// kept returns a measurement of an earlier start where it was made from the same, else measures and
// keeps it.
func kept[T any](l *lab, name string, config any, inputs map[string]string, measure func() (T, error)) (T, error) {
	type saved struct {
		Key   string `json:"key"`
		Value T      `json:"value"`
	}
	var old saved
	key, err := keyOf(name, config, inputs)
	if err != nil {
		return old.Value, err
	}
	file := l.path("measures", name+"-"+key[:10]+".json")
	if err := readJSON(file, &old); err == nil && old.Key == key {
		return old.Value, nil
	}
	if old.Value, err = measure(); err != nil {
		return old.Value, err
	}
	return old.Value, writeJSON(file, saved{key, old.Value})
}

func readJSON(path string, into any) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, into)
}

func writeJSON(path string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return checkpoint.WriteFile(path, append(b, '\n'))
}

// manifestOf reads what a model says of itself.
func manifestOf(dir string) (checkpoint.Manifest, error) {
	m, ok, err := checkpoint.ReadManifest(dir)
	if err == nil && !ok {
		err = fmt.Errorf("%s has no %s", dir, checkpoint.ManifestFile)
	}
	return m, err
}
