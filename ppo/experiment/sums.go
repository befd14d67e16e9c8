package experiment

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"agora/policy"
	"agora/policy/base"
	"agora/ppo/measure"
	"agora/reward/prefs"
)

// sums rewards by a program instead of a model: GSM8K (Cobbe et al. 2021) with an exact-answer checker.
var sums = experiment{
	name: "gsm8k", title: "A program as the reward: exact answers to GSM8K", minutes: 15,
	claim: "RLOO against a weighted sum of two commands, one for the form of an answer and one for its correctness, raises both on held-out questions.",
	run:   runSums,
}

// sum is a question with its checked answer.
type sum struct{ Question, Answer string }

// readSums reads short questions; a model of a few million parameters answers at once or not at all.
func readSums(data, file string, most int) ([]sum, error) {
	var out []sum
	err := eachLine(filepath.Join(data, "data/gsm8k", file), func(line []byte) error {
		var s sum
		if err := json.Unmarshal(line, &s); err != nil {
			return err
		}
		if n, ok := finalNumber(s.Answer); ok && len(s.Question) <= 260 && base.Offends(s.Question) == "" && len(out) < most {
			out = append(out, sum{s.Question, n})
		}
		return nil
	})
	return out, err
}

func (s sum) prompt(i int) *prefs.Prompt {
	p := &prefs.Prompt{PromptID: fmt.Sprintf("s%d", i), Prompt: prefs.Plain(s.Question)}
	p.Extra.Set("answer", json.RawMessage(strconv.Quote(s.Answer)))
	return p
}

func runSums(ctx context.Context, l *lab, o options, r *report) error {
	train, err := readSums(o.data, "train.jsonl.gz", 1<<20)
	if err != nil {
		return err
	}
	test, err := readSums(o.data, "test.head1187.jsonl.gz", 512)
	if err != nil {
		return err
	}
	start := l.path("base")
	if err := base.WriteModel(start); err != nil {
		return err
	}
	demos, prompts, err := writeSums(l, train)
	if err != nil {
		return err
	}
	sft, err := l.sft(ctx, "SFT on short answers", Settings{"epochs": 2, "batch_examples": 32, "learning_rate": 6e-4, "dropout": .1, "validation": .05, "store": "fp32", "sample_every": 0}, start, demos)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	check := func(what string) string { return fmt.Sprintf("exec:'%s' experiment check %s", self, what) }
	run, err := l.rl(ctx, "RLOO on checked answers", Settings{
		"preset": "rloo", "iterations": 60, "episodes": 256, "minibatches": 2, "samples_per_prompt": 8, "max_new_tokens": 12, "temperature": 1,
		"score_samples": 0, "missing_eos": "ignore", "kl_coef": .01, "learning_rate": 3e-4, "reward_weights": []float64{1, .2}, "checkpoint_every": 5, "seed": l.seed,
	}, rl{policy: model(sft), prompts: prompts, more: []string{check("exact"), check("form")}})
	if err != nil {
		return err
	}
	return reportSums(ctx, l, r, model(sft), model(run), test)
}

// writeSums writes demonstrations and prompts: half of the questions each.
func writeSums(l *lab, all []sum) (demos, prompts string, err error) {
	if err := os.MkdirAll(l.path("data"), 0o755); err != nil {
		return "", "", err
	}
	about := prefs.About{Licence: "MIT, GSM8K"}
	demos, prompts = l.path("data", "sums-demos.jsonl"), l.path("data", "sums-prompts.jsonl")
	half := len(all) / 2
	if _, err := prefs.Write(demos, prefs.FormatDemo, func(yield func(prefs.Record, error) bool) {
		for i, s := range all[:half] {
			if !yield(&prefs.Demo{PromptID: fmt.Sprintf("s%d", i), Prompt: prefs.Plain(s.Question), Completion: "\n#### " + s.Answer}, nil) {
				return
			}
		}
	}, about); err != nil {
		return "", "", err
	}
	_, err = prefs.Write(prompts, prefs.FormatPrompt, func(yield func(prefs.Record, error) bool) {
		for i, s := range all[half:] {
			if !yield(s.prompt(i), nil) {
				return
			}
		}
	}, about)
	return demos, prompts, err
}

// answers are a policy's on the test questions: eight of each.
type answers struct{ Exact, Form []float64 }

func reportSums(ctx context.Context, l *lab, r *report, before, after string, test []sum) error {
	const each = 8
	var both [2]answers
	for i, dir := range []string{before, after} {
		var err error
		both[i], err = kept(l, "sums", []int{len(test), each}, map[string]string{"policy": dir}, func() (out answers, err error) {
			m, err := policy.LoadPolicy(dir)
			if err != nil {
				return out, err
			}
			var prompts []*prefs.Prompt
			for k, s := range test {
				for range each {
					prompts = append(prompts, s.prompt(k))
				}
			}
			d, err := measure.Draw{Dev: l.dev, Prompts: prompts, Seed: 1, MaxNew: 12, Temperature: 1}.From(ctx, m)
			if err != nil {
				return out, err
			}
			out.Exact, out.Form = make([]float64, len(test)), make([]float64, len(test))
			for k, text := range d.Completions {
				if n, ok := finalNumber(text); ok {
					out.Form[k/each] += 1. / each
					if n == test[k/each].Answer {
						out.Exact[k/each] += 1. / each
					}
				}
			}
			return out, nil
		})
		if err != nil {
			return err
		}
	}
	exact := [2]measure.Rate{measure.Bootstrap(both[0].Exact), measure.Bootstrap(both[1].Exact)}
	form := [2]measure.Rate{measure.Bootstrap(both[0].Form), measure.Bootstrap(both[1].Form)}
	gains := make([]float64, len(test))
	for k := range gains {
		gains[k] = both[1].Exact[k] - both[0].Exact[k]
	}
	gained := measure.Bootstrap(gains)
	r.say("The bundled model of 3.4 million parameters cannot reckon; it can learn what an answer looks like and which numbers are likely. SFT on half of the short training questions, RLOO on the other half: 60 iterations of 256 answers, rewarded 1 for the exact number and 0.2 for the form `#### number`, each by a program that reads JSON lines. %d test questions, %d answers each.", len(test), each)
	r.table([]string{"", "SFT", "RLOO"}, [][]string{{"exact, %", percent(exact[0]), percent(exact[1])}, {"form, %", percent(form[0]), percent(form[1])}})
	r.Numbers["exact"], r.Numbers["form"], r.Numbers["gain"] = exact, form, gained
	r.verdict(gained.Lo > 0 && form[1].Value >= form[0].Value, "Exact answers go from %s to %s, a gain of %s on the same questions; answers of the right form from %s to %s.", percent(exact[0]), percent(exact[1]), percent(gained), percent(form[0]), percent(form[1]))
	return nil
}
