package reward

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"agora/policy/checkpoint"
)

// The text of `reward eval` has the calibration curve and its error, and --plot draws it.
func TestEvalShowsCalibration(t *testing.T) {
	dir := t.TempDir()
	m := toyScorer(t).m
	if err := m.Save(filepath.Join(dir, "rm"), checkpoint.Manifest{Kind: "reward"}); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(dir, "data.jsonl")
	rows := strings.Repeat(`{"prompt":"Sky?","chosen":"blue","rejected":"green"}`+"\n"+`{"prompt":"Sky?","chosen":"red","rejected":"grey"}`+"\n", 3)
	if err := os.WriteFile(data, []byte(rows), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := EvalCmd{Model: []string{filepath.Join(dir, "rm")}, Data: []string{data}, Format: "auto", Plot: filepath.Join(dir, "curve.svg"), Workers: 1}
	said := stdout(t, func() error { return cmd.Run(t.Context()) })
	for _, want := range []string{"expected calibration error: ", "scores apart", "claims, %", "two agree on 100.0 %"} {
		if !strings.Contains(said, want) {
			t.Errorf("the report lacks %q:\n%s", want, said)
		}
	}
	svg, err := os.ReadFile(cmd.Plot)
	if err != nil || !strings.Contains(string(svg), "Calibration on 6 judgments") || !strings.Contains(string(svg), "as claimed") {
		t.Errorf("%v: %.200s", err, svg)
	}
	cmd.Plot = filepath.Join(dir, "no-folder", "curve.svg")
	if err := cmd.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "--plot") {
		t.Errorf("a plot that cannot be written: %v", err)
	}
}

// stdout is what a command prints.
func stdout(t *testing.T, run func() error) string {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "stdout"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	old := os.Stdout
	os.Stdout = f
	err = run()
	os.Stdout = old
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
