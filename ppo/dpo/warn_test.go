package dpo

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A run says that its labels contradict each other, or that one side's texts are longer.
func TestTrainWarns(t *testing.T) {
	const long, short = " sat on the mat", " ate"
	for _, tt := range []struct {
		name   string
		better func(i int) string
		epochs float64 // over 40 pairs, 4 at a step
		want   string
		not    string
	}{
		{"labels contradict each other", func(i int) string { return []string{long, short}[i%2] }, 5, "where a coin gets 50 %", "length alone"},
		{"better texts are longer", func(int) string { return long }, .1, "length alone tells them apart", "a coin"},
		{"worse texts are longer", func(int) string { return short }, .1, "length alone tells them apart", "a coin"},
	} {
		dir := t.TempDir()
		job, c := toyFiles(t, dir), toyConfig()
		var lines strings.Builder
		for i := range 40 {
			chosen, rejected := tt.better(i), long
			if chosen == long {
				rejected = short
			}
			fmt.Fprintf(&lines, `{"prompt":"the cat","chosen":%q,"rejected":%q}`+"\n", chosen, rejected)
		}
		job.Data = job.Data[:1]
		if err := os.WriteFile(job.Data[0], []byte(lines.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		c.Split, c.BatchPairs, c.Epochs = "none", 4, tt.epochs
		job.Out = filepath.Join(dir, "run")
		var said strings.Builder
		job.Say = func(format string, args ...any) { fmt.Fprintf(&said, format+"\n", args...) }
		if _, err := train(t, context.Background(), c, job, 1); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(said.String(), tt.want) || strings.Contains(said.String(), tt.not) {
			t.Errorf("%s: %s", tt.name, said.String())
		}
	}
}
