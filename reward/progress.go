package reward

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// bar shows progress on stderr: a bar on a terminal, else a line every ten seconds.
type bar struct {
	name   string
	bar    *progressbar.ProgressBar
	last   time.Time
	values map[string]float64
}

func newBar(name string) *bar { return &bar{name: name, values: map[string]float64{}} }

// Metrics keeps the newest numbers for the line.
func (b *bar) Metrics(_ int, values map[string]float64) error {
	maps.Copy(b.values, values)
	return nil
}

// Sample shows nothing.
func (b *bar) Sample(int, map[string]any) error { return nil }

// Progress draws.
func (b *bar) Progress(done, total int) {
	text := fmt.Sprintf("%s loss %.4f", b.name, b.values["loss"])
	if accuracy, ok := b.values["eval_accuracy"]; ok {
		text += fmt.Sprintf(" validation %.1f %%", 100*accuracy)
	}
	if term.IsTerminal(int(os.Stderr.Fd())) {
		if b.bar == nil {
			b.bar = progressbar.NewOptions(total, progressbar.OptionSetWriter(os.Stderr), progressbar.OptionShowCount(),
				progressbar.OptionSetPredictTime(true), progressbar.OptionFullWidth())
		}
		b.bar.Describe(text)
		_ = b.bar.Set(done)
		return
	}
	if now := time.Now(); now.Sub(b.last) >= 10*time.Second || done == total {
		b.last = now
		fmt.Fprintf(os.Stderr, "%s, step %d of %d\n", text, done, total)
	}
}

func (b *bar) close() {
	if b.bar != nil {
		_ = b.bar.Exit()
		fmt.Fprintln(os.Stderr)
	}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
