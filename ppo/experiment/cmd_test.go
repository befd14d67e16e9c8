package experiment

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestUnknownExperiment(t *testing.T) {
	err := (&RunCmd{Name: "nothing", Dir: t.TempDir()}).Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "algorithms") {
		t.Errorf("%v", err)
	}
}

// A flag is honoured or refused by name, and the report's command has those that were used.
func TestFlags(t *testing.T) {
	for _, c := range []struct {
		name            string
		seeds           int // 0: not given
		full            bool
		refused, typeIn string
	}{
		{name: "ptx", typeIn: "agora experiment run ptx --seeds 3"},
		{name: "ptx", seeds: 5, full: true, typeIn: "agora experiment run ptx --seeds 5 --full"},
		{name: "ptx", seeds: -1, refused: "seeds -1 must be at least 1"},
		{name: "gsm8k", typeIn: "agora experiment run gsm8k --seeds 1"},
		{name: "gsm8k", seeds: 2, typeIn: "agora experiment run gsm8k --seeds 2"},
		{name: "gsm8k", full: true, refused: "gsm8k has no --full"},
		{name: "smollm2", full: true, typeIn: "agora experiment run smollm2 --full"},
		{name: "smollm2", seeds: 1, refused: "smollm2 has no --seeds"},
	} {
		e, err := named(c.name)
		if err != nil {
			t.Fatal(err)
		}
		cmd := RunCmd{Name: c.name, Full: c.full}
		if c.seeds != 0 {
			cmd.Seeds = &c.seeds
		}
		o, err := cmd.options(e)
		switch {
		case c.refused != "":
			if err == nil || !strings.Contains(err.Error(), c.refused) {
				t.Errorf("%s: %v, want %q", c.name, err, c.refused)
			}
		case err != nil || e.command(o) != c.typeIn:
			t.Errorf("%q, %v, want %q", e.command(o), err, c.typeIn)
		}
	}
	for _, e := range experiments {
		if (e.repeats == "") != (e.seeds == 0) || len(e.flags()) < 2 {
			t.Errorf("%s repeats %q with %d seeds", e.name, e.repeats, e.seeds)
		}
	}
}

// Without its data an experiment says so before it trains anything.
func TestMissingDataComesFirst(t *testing.T) {
	for _, e := range experiments {
		if !e.data {
			continue
		}
		l := testLab(t)
		err := e.run(t.Context(), l, options{seeds: 1, data: filepath.Join(t.TempDir(), "nosuch")}, newReport(e.name, e.title, e.claim))
		if err == nil || !strings.Contains(err.Error(), "--data") || !strings.Contains(err.Error(), "nosuch") {
			t.Errorf("%s: %v", e.name, err)
		}
		if _, err := os.Stat(l.path("runs")); !errors.Is(err, fs.ErrNotExist) || len(l.used) > 0 {
			t.Errorf("%s trained first", e.name)
		}
	}
}

// A run's time is from each start to the last step before the next: the night between them does not count.
func TestTook(t *testing.T) {
	run := t.TempDir()
	for name, text := range map[string]string{
		"run.json": `{"started": "2026-01-01T20:00:00Z", "resumes": [{"time": "2026-01-02T08:00:00Z", "step": 2}]}`,
		"metrics.jsonl": `{"step":1,"time":"2026-01-01T20:01:00Z"}
{"step":2,"time":"2026-01-01T20:02:00.5Z"}
{"step":3,"time":"2026-01-02T08:03:00Z"}
`,
	} {
		if err := os.WriteFile(filepath.Join(run, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if d, err := took(run); err != nil || d != 5*time.Minute+500*time.Millisecond {
		t.Errorf("%s, %v", d, err)
	}
	l := testLab(t)
	l.used = []string{run}
	if err := writeJSON(run+".json", done{Workers: 2}); err != nil {
		t.Fatal(err)
	}
	if m, err := l.effort(); err != nil || m.Runs != 1 || m.Seconds != 300.5 || len(m.Workers) != 1 || m.Unknown != 0 {
		t.Errorf("%+v, %v", m, err)
	}
	if _, err := took(t.TempDir()); err == nil {
		t.Error("a folder without a run has a time")
	}
}
