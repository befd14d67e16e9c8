package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"sort"
	"time"

	"agora/policy/checkpoint"
)

// Names inside of a run directory.
const (
	RunFile       = "run.json"      // what was run, on what; the only place besides metrics with clock and host
	MetricsFile   = "metrics.jsonl" // a line per step
	SamplesFile   = "samples.jsonl" // texts along the way
	CheckpointDir = "checkpoint"    // newest state that the run can be resumed from
	ResultDir     = "model"         // what the run is for
)

// Sink takes what a run reports. The run directory is one, the worker's database another.
type Sink interface {
	// Metrics reports numbers of an optimizer step or an episode batch, by name.
	Metrics(step int, values map[string]float64) error
	// Sample reports a text, with whatever belongs to it.
	Sample(step int, sample map[string]any) error
	// Progress reports how much of the whole is done.
	Progress(done, total int)
}

// RunInfo is what makes a run: equal infos give equal results.
type RunInfo struct {
	Kind    string            `json:"kind"` // pretrain, sft, reward, ppo
	Config  any               `json:"config"`
	Inputs  map[string]string `json:"inputs"`  // role → hash of a file or directory
	Kernels string            `json:"kernels"` // the device's kernel set; another one gives other bits
	DType   string            `json:"dtype"`   // of the arithmetic
}

// RunDir is the directory of one training run, and a Sink that also hands everything to others.
type RunDir struct {
	Dir     string
	Resumed bool // a checkpoint was there

	info    RunInfo
	begun   bool // by this process, which has written run.json
	others  []Sink
	metrics *os.File
	samples *os.File
	unlock  func() error
}

// RunOptions says how a run directory is opened.
type RunOptions struct {
	Resume              bool // go on with what is there
	AcceptDifferentBits bool // resume with another kernel set than the run began with
	Force               bool // start even if there is not enough memory
	Sinks               []Sink
	Say                 func(format string, args ...any) // one-line news, nil for none
}

// OpenRun creates the directory and its run.json, or opens it again to resume. Resuming needs the
// same kind, settings and inputs as before; the error names what differs. A run that stopped before
// its first checkpoint begins anew. One process at a time has the directory.
func OpenRun(dir string, info RunInfo, opt RunOptions) (*RunDir, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	info.Config = Named(info.Config)
	r := &RunDir{Dir: dir, info: info, others: opt.Sinks}
	unlock, err := lockDir(dir)
	if err != nil {
		return nil, err
	}
	r.unlock = unlock
	if err := r.open(opt); err != nil {
		return nil, errors.Join(err, unlock())
	}
	return r, nil
}

func (r *RunDir) open(opt RunOptions) error {
	dir := r.Dir
	old, err := readRunFile(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if opt.Resume {
			return fmt.Errorf("%s holds no run to resume", dir)
		}
		err = r.writeRunFile(runFile{Started: now()})
		r.begun = err == nil
	case err != nil:
	case !opt.Resume:
		err = fmt.Errorf("%s holds a run already: resume it (--resume) or take another directory", dir)
	default:
		err = r.reopen(old, opt)
	}
	if err != nil {
		return err
	}
	if r.metrics, err = appendTo(dir, MetricsFile); err != nil {
		return err
	}
	if r.samples, err = appendTo(dir, SamplesFile); err != nil {
		return errors.Join(err, r.metrics.Close())
	}
	return nil
}

// runFile is run.json.
type runFile struct {
	Schema string `json:"schema"`
	RunInfo
	ConfigHash string    `json:"config_hash"`
	Started    time.Time `json:"started"`
	Resumes    []resumed `json:"resumes,omitempty"`
	Host       string    `json:"host"`
	CPUs       int       `json:"cpus"`
	Go         string    `json:"go"`
}

type resumed struct {
	Time    time.Time `json:"time"`
	Step    int       `json:"step"`
	Host    string    `json:"host"`
	Kernels string    `json:"kernels"`
}

const runSchema = "run/1"

func readRunFile(dir string) (f runFile, err error) {
	path := filepath.Join(dir, RunFile)
	data, err := os.ReadFile(path)
	if err != nil {
		return f, err
	}
	if err := json.Unmarshal(data, &f); err != nil {
		return f, fmt.Errorf("%s: %w", path, err)
	}
	if f.Schema != runSchema {
		return f, fmt.Errorf("%s: schema %q, this program reads %q", path, f.Schema, runSchema)
	}
	return f, nil
}

func (r *RunDir) writeRunFile(f runFile) error {
	hash, err := hashJSON(r.info.Config)
	if err != nil {
		return err
	}
	f.Schema, f.RunInfo, f.ConfigHash = runSchema, r.info, hash
	f.Host, _ = os.Hostname()
	f.CPUs, f.Go = runtime.NumCPU(), runtime.Version()
	data, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return err
	}
	return checkpoint.WriteFile(filepath.Join(r.Dir, RunFile), append(data, '\n'))
}

// reopen checks that the run is the same one, drops lines written after the checkpoint, and notes
// the resumption.
func (r *RunDir) reopen(old runFile, opt RunOptions) error {
	hash, err := hashJSON(r.info.Config)
	if err != nil {
		return err
	}
	switch {
	case old.Kind != r.info.Kind:
		return fmt.Errorf("%s holds a %s run, not %s", r.Dir, old.Kind, r.info.Kind)
	case old.ConfigHash != hash:
		return fmt.Errorf("%s was started with other settings: %s", r.Dir, settingsDiffer(old.Config, r.info.Config))
	case old.Kernels != r.info.Kernels && !opt.AcceptDifferentBits:
		return fmt.Errorf("%s was started with %s kernels, this machine uses %s: results would differ in the last bits (--accept-different-bits)",
			r.Dir, old.Kernels, r.info.Kernels)
	}
	for _, role := range roles(old.Inputs, r.info.Inputs) {
		if old.Inputs[role] != r.info.Inputs[role] {
			return fmt.Errorf("%s was started with another input: %s had %s, is %s", r.Dir, role, orNone(old.Inputs[role]), orNone(r.info.Inputs[role]))
		}
	}
	step, ok, err := r.checkpointStep()
	if err != nil {
		return err
	}
	r.Resumed = ok
	for _, name := range []string{MetricsFile, SamplesFile} {
		if err := rewind(filepath.Join(r.Dir, name), step); err != nil {
			return err
		}
	}
	host, _ := os.Hostname()
	old.Resumes = append(old.Resumes, resumed{Time: now(), Step: step, Host: host, Kernels: r.info.Kernels})
	r.info.Kernels = old.Kernels
	return r.writeRunFile(old)
}

// checkpointStep is the step of the newest checkpoint, 0 if there is none.
func (r *RunDir) checkpointStep() (step int, ok bool, err error) {
	dir := r.Checkpoint()
	if err := checkpoint.Recover(dir); err != nil {
		return 0, false, err
	}
	m, ok, err := checkpoint.ReadManifest(dir)
	return m.Step, ok, err
}

// Checkpoint is the directory of the newest checkpoint.
func (r *RunDir) Checkpoint() string { return filepath.Join(r.Dir, CheckpointDir) }

// Result is the directory of what the run is for.
func (r *RunDir) Result() string { return filepath.Join(r.Dir, ResultDir) }

// Commit replaces the checkpoint: write fills a temporary directory, agora.json excepted. The
// metrics so far reach the disk before.
func (r *RunDir) Commit(m checkpoint.Manifest, write func(tmp string) error) error {
	for _, f := range []*os.File{r.metrics, r.samples} {
		if err := f.Sync(); err != nil {
			return err
		}
	}
	m.Config = Named(m.Config)
	return checkpoint.Commit(r.Checkpoint(), func(tmp string) error {
		if err := write(tmp); err != nil {
			return err
		}
		return checkpoint.WriteManifest(tmp, m)
	})
}

// Metrics implements Sink: a line {"step":…,"time":…,name:value,…}.
func (r *RunDir) Metrics(step int, values map[string]float64) error {
	line := map[string]any{"step": step, "time": now()}
	for name, x := range values {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return fmt.Errorf("step %d: %s is %v; the last checkpoint is kept", step, name, x)
		}
		line[name] = x
	}
	if err := writeLine(r.metrics, line); err != nil {
		return err
	}
	return r.each(func(s Sink) error { return s.Metrics(step, values) })
}

// Sample implements Sink.
func (r *RunDir) Sample(step int, sample map[string]any) error {
	line := map[string]any{"step": step}
	for name, x := range sample {
		line[name] = x
	}
	if err := writeLine(r.samples, line); err != nil {
		return err
	}
	return r.each(func(s Sink) error { return s.Sample(step, sample) })
}

// Progress implements Sink.
func (r *RunDir) Progress(done, total int) {
	for _, s := range r.others {
		s.Progress(done, total)
	}
}

// Close closes the files and lets other processes have the directory.
func (r *RunDir) Close() error {
	return errors.Join(r.metrics.Close(), r.samples.Close(), r.unlock())
}

func (r *RunDir) each(do func(Sink) error) error {
	for _, s := range r.others {
		if err := do(s); err != nil {
			return err
		}
	}
	return nil
}

func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

func hashJSON(v any) (string, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	return checkpoint.HashBytes(data), nil
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func roles(a, b map[string]string) []string {
	var out []string
	for role := range a {
		out = append(out, role)
	}
	for role := range b {
		if _, both := a[role]; !both {
			out = append(out, role)
		}
	}
	sort.Strings(out)
	return out
}
