package policy

import (
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

// Console shows a run's progress: a bar that redraws itself on a terminal, else a plain line every
// ten seconds. It is a Sink.
type Console struct {
	w     io.Writer
	tty   bool
	label string

	mu      sync.Mutex
	start   time.Time
	first   int // done when the clock started
	done    int
	total   int
	last    time.Time
	numbers map[string]float64
	drawn   bool
}

// NewConsole shows on w, usually standard error.
func NewConsole(w *os.File, label string) *Console {
	return &Console{w: w, tty: term.IsTerminal(int(w.Fd())), label: label, numbers: map[string]float64{}, first: -1}
}

// shown are the metrics that a progress line mentions, in this order, with their short names: those
// of language models, reward models, DPO and PPO.
var shown = []struct{ metric, name, format string }{
	{MetricLoss, "loss", "%.3f"}, {MetricValLoss, "val", "%.3f"}, {"eval_accuracy", "accuracy", "%.3f"}, {"rewards/accuracies", "accuracy", "%.3f"},
	{"eval_rater_agreement", "people agree", "%.3f"},
	{"objective/scores", "reward", "%.3f"}, {"objective/kl", "kl", "%.2f"}, {"objective/judge", "judge", "%.3f"},
	{MetricLR, "lr", "%.2g"}, {MetricRate, "tok/s", "%.0f"},
}

// Metrics implements Sink: it remembers the numbers for the next line.
func (c *Console) Metrics(_ int, values map[string]float64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for name, x := range values {
		c.numbers[name] = x
	}
	return nil
}

// Sample implements Sink: texts go to samples.jsonl, not to the console.
func (c *Console) Sample(int, map[string]any) error { return nil }

// Progress implements Sink.
func (c *Console) Progress(done, total int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if c.first < 0 || done < c.done {
		c.first, c.start, c.last = done, now, now
	}
	c.done, c.total = done, total
	wait := 10 * time.Second
	if c.tty {
		wait = 100 * time.Millisecond
	}
	if now.Sub(c.last) < wait && (done < total || !c.drawn && !c.tty) {
		return
	}
	c.last, c.drawn = now, true
	c.draw(now)
}

func (c *Console) draw(now time.Time) {
	line := c.label
	if c.tty {
		line += " " + bar(c.done, c.total, 24)
	}
	line += fmt.Sprintf(" %d/%d", c.done, c.total)
	for _, s := range shown {
		if x, ok := c.numbers[s.metric]; ok {
			line += "  " + s.name + " " + fmt.Sprintf(s.format, x)
		}
	}
	if left := c.remaining(now); left > 0 {
		line += "  " + left.String() + " left"
	}
	if c.tty {
		fmt.Fprintf(c.w, "\r\x1b[K%s", line)
		if c.done >= c.total {
			fmt.Fprintln(c.w)
		}
		return
	}
	fmt.Fprintln(c.w, line)
}

func (c *Console) remaining(now time.Time) time.Duration {
	if c.done <= c.first || c.done >= c.total {
		return 0
	}
	each := now.Sub(c.start).Seconds() / float64(c.done-c.first)
	return time.Duration(math.Ceil(each*float64(c.total-c.done))) * time.Second
}

// Say prints a line of its own, above the bar.
func (c *Console) Say(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tty {
		fmt.Fprint(c.w, "\r\x1b[K")
	}
	fmt.Fprintf(c.w, format+"\n", args...)
}

func bar(done, total, width int) string {
	full := 0
	if total > 0 {
		full = min(width*done/total, width)
	}
	return "[" + strings.Repeat("█", full) + strings.Repeat("·", width-full) + "]"
}
