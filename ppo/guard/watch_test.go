package guard

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// flat is the same number so many times, ramp goes evenly from one number to another.
func flat(n int, v float64) []float64 { return slices.Repeat([]float64{v}, n) }

func ramp(n int, from, to float64) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = from + (to-from)*float64(i)/float64(n-1)
	}
	return out
}

func then(parts ...[]float64) []float64 { return slices.Concat(parts...) }

// history puts values at the steps 1, 2, 3 …
func history(metrics map[string][]float64) map[string][]Point {
	out := map[string][]Point{}
	for name, values := range metrics {
		for i, v := range values {
			out[name] = append(out[name], Point{i + 1, v})
		}
	}
	return out
}

func TestWarnings(t *testing.T) {
	rising := []float64{0, .5, 1, 1.3, 1.6, 1.8, 2, 2.1, 2.2, 2.3, 2.35, 2.4}
	turning := []float64{0, .4, .8, 1, 1.1, 1.1, 1, .9, .7, .5, .4, .3}
	noisy := []float64{0, .3, -.3, .2, -.2, .3, -.3, .1, -.2, .2, -.3, .1}
	type m = map[string][]float64
	tests := []struct {
		name, kind string
		metrics    m
		want       string // the kinds, in order
		text       string // part of the first
	}{
		{"a run that goes well", "ppo", m{
			"objective/kl": ramp(12, 0, 8), "objective/kl_logratio": ramp(12, 0, 8), "objective/kl_stderr": flat(12, .1), judge: rising, reward: rising,
			"val/length": ramp(12, 30, 33), "val/distinct": flat(12, 1), "val/distinct_1": flat(12, .3), "val/distinct_2": ramp(12, .8, .6),
			"val/eos_rate": flat(12, .95), "policy/entropy_avg": ramp(12, 2, 1)}, "", ""},
		{"nothing logged", "ppo", m{}, "", ""},
		{"another kind", "sft", m{"objective/kl": flat(3, -5)}, "", ""},

		{"KL below 0 within noise", "ppo", m{logRatio: flat(1, -.2), "objective/kl_stderr": flat(1, .2)}, "", ""},
		{"KL below 0", "ppo", m{logRatio: flat(1, -5), "objective/kl_stderr": flat(1, .2)}, "negative-kl", "KL is negative (-5.000 ± 0.200"},
		{"KL below 0, older version", "ppo", m{"objective/kl": []float64{0, -.6, 2}}, "negative-kl", ""},
		{"a little below, older version", "ppo", m{"objective/kl": []float64{0, -.1, 2}}, "", ""},
		{"another estimator hides it", "ppo", m{"objective/kl": flat(1, 3), logRatio: flat(1, -5), "objective/kl_stderr": flat(1, .2)}, "negative-kl", ""},

		{"high KL", "ppo", m{logRatio: flat(1, 34), "val/length": flat(1, 30)}, "high-kl", "KL is 34.0 nats per response, 1.13 per token"},
		{"high KL of long responses", "ppo", m{logRatio: flat(1, 34), "val/length": flat(1, 900)}, "", ""},
		{"too high even for them", "ppo", m{logRatio: flat(1, 120), "val/length": flat(1, 900)}, "high-kl", ""},
		{"sharp KL of short responses", "ppo", m{logRatio: flat(1, 8), "val/length": flat(1, 4)}, "high-kl", ""},
		{"a word exchanged", "ppo", m{logRatio: flat(1, 3), "val/length": flat(1, 2)}, "", ""},
		{"high KL without length", "ppo", m{"objective/kl": flat(1, 34)}, "high-kl", ""},

		{"few ends", "rloo", m{"val/eos_rate": flat(1, .1)}, "eos-rate", "only 10 % of the responses end"},
		{"copies", "grpo", m{"val/distinct": flat(1, .3)}, "collapse", "only 30 % of the responses differ"},
		{"the same phrases", "ppo", m{"val/distinct_2": ramp(9, .8, .2)}, "repetition", "fell from 0.725 to 0.275"},
		{"few phrases from the start", "ppo", m{"val/distinct_2": flat(9, .2)}, "", ""},
		{"entropy gone", "ppo", m{"policy/entropy_avg": ramp(9, 2, .05)}, "entropy", ""},
		{"length grows", "ppo", m{"val/length": []float64{10, 10, 10, 14, 15, 16}}, "length", "grew from 10.0 to 15.0 tokens"},
		{"length wobbles", "ppo", m{"val/length": []float64{10, 10, 11, 10, 11, 11}}, "", ""},
		{"too short to tell", "ppo", m{"val/length": []float64{10, 10, 20, 20}}, "", ""},

		{"judge turns while the reward rises", "ppo", m{judge: turning, reward: rising}, "over-optimisation", "fallen from 1.067 at iteration 5 to 0.400"},
		{"judge and reward turn", "ppo", m{judge: turning, reward: turning}, "", ""},
		{"judge wobbles near its top", "ppo", m{judge: []float64{0, .5, .8, 1, .95, 1, .97, 1, .96, 1, .98, .97}, reward: rising}, "", ""},
		{"judge is noise and never rose", "ppo", m{judge: noisy, reward: rising}, "", ""},
		{"no judge", "ppo", m{reward: rising}, "", ""},

		{"dpo that goes well", "dpo", m{"rewards/chosen": ramp(60, 0, -.2), "rewards/margins": ramp(60, 0, 1), "logps/chosen": ramp(60, -40, -42),
			"rewards/accuracies": ramp(60, .4, .7), "loss/validation": []float64{.69, .6, .59, .6}}, "", ""},
		{"dpo loses the better texts", "dpo", m{"rewards/chosen": ramp(60, 0, -6), "rewards/margins": ramp(60, 0, 1), "logps/chosen": ramp(60, -40, -100)},
			"chosen-falls", "the better texts became less likely, by"},
		{"dpo widens the margin by more", "dpo", m{"rewards/chosen": ramp(60, 0, -6), "rewards/margins": ramp(60, 0, 6), "logps/chosen": ramp(60, -40, -100)}, "", ""},
		{"dpo at chance", "dpo", m{"rewards/accuracies": flat(60, .5)}, "chance", "in 50 % of the last pairs"},
		{"dpo has only begun", "dpo", m{"rewards/accuracies": flat(30, .5)}, "", ""},
		{"dpo overfits", "dpo", m{"loss/validation": []float64{.69, .5, .52, .6}}, "overfit", "rose from 0.500 at step 2 to 0.600"},
		{"a loss below 0", "dpo", m{"loss/validation": []float64{-.1, -.5, -.52, -.5}}, "", ""}, // robust
		{"reward model at chance", "reward", m{"accuracy": flat(60, .5)}, "chance", ""},
		{"reward model overfits", "reward", m{"eval_loss": []float64{.69, .5, .7}}, "overfit", ""},

		{"long past", "ppo", m{logRatio: then(flat(1, -5), flat(30, 1)), "objective/kl_stderr": flat(31, .2)}, "", ""},
		{"the most serious first", "ppo", m{"val/eos_rate": flat(1, .1), "val/distinct": flat(1, .1), logRatio: flat(1, 40), "val/length": flat(1, 20)}, "high-kl collapse eos-rate", ""},
	}
	for _, tt := range tests {
		var kinds []string
		all := Standing(tt.kind, history(tt.metrics))
		for _, w := range all {
			kinds = append(kinds, w.Kind)
			if strings.Contains(w.Text, "%!") || !slices.Contains(Kinds(), w.Kind) {
				t.Errorf("%s: %+v", tt.name, w)
			}
		}
		if got := strings.Join(kinds, " "); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		} else if tt.text != "" && !strings.Contains(all[0].Text, tt.text) {
			t.Errorf("%s: %q", tt.name, all[0].Text)
		}
	}
}

// A resumed run says what the uninterrupted one would have said: it reads its log first.
func TestTellerSurvivesAResume(t *testing.T) {
	rows := make([]map[string]float64, 40)
	for i := range rows {
		rows[i] = map[string]float64{"val/eos_rate": .1, "val/length": 10 + float64(i), "val/distinct": 1}
		if i > 25 {
			rows[i]["val/distinct"] = .2
		}
	}
	tell := func(stops ...int) []string {
		var said []string
		log := filepath.Join(t.TempDir(), "metrics.jsonl")
		f, err := os.Create(log)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		start := func() *Teller {
			return &Teller{Kind: "ppo", Unit: "iteration", Log: log, Say: func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) }}
		}
		teller := start()
		for i, row := range rows {
			line := map[string]any{"step": i + 1, "time": "2026-01-01T00:00:00Z"}
			for name, v := range row {
				line[name] = v
			}
			text, _ := json.Marshal(line)
			fmt.Fprintf(f, "%s\n", text)
			if slices.Contains(stops, i+1) {
				teller = start()
			}
			if err := teller.Metrics(i+1, row); err != nil {
				t.Fatal(err)
			}
		}
		return said
	}
	want := tell()
	if len(want) != 10 { // ends: 1, 11, 21, 31; length: 6, 16, 26, 36; collapse: 27, 37
		t.Errorf("said %d times: %q", len(want), want)
	}
	if !strings.HasPrefix(want[0], "iteration 1: only 10 % of") {
		t.Errorf("%q", want[0])
	}
	if got := tell(2, 9, 15, 16, 33); !slices.Equal(got, want) {
		t.Errorf("with resumes: %q, want %q", got, want)
	}
	teller := &Teller{Kind: "ppo", Log: filepath.Join(t.TempDir(), "none"), Say: func(string, ...any) {}}
	if err := teller.Metrics(5, nil); err != nil {
		t.Errorf("without a log: %v", err)
	}
}

func TestNear(t *testing.T) {
	f := OverFit{Alpha: 1, Beta: .5} // peak e
	if !f.Near(2) || f.Near(1) || (OverFit{Alpha: 1}).Near(1e9) || math.Abs(f.Peak()-math.E) > 1e-12 {
		t.Errorf("peak %g", f.Peak())
	}
	c := f.Curve(4, 5)
	if len(c) != 5 || c[0].D != Nearest || c[4].D != 4 || c[4].Gain != f.At(4) {
		t.Errorf("%v", c)
	}
}
