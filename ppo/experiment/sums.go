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
	"agora/policy/plot"
	"agora/ppo/measure"
	"agora/reward/prefs"
)

// sums rewards by a program instead of a model: GSM8K (Cobbe et al. 2021) with an exact-answer checker.
var sums = experiment{
	name: "gsm8k", title: "A program as the reward: exact answers to GSM8K", minutes: 15,
	claim: "RLOO against a weighted sum of two commands, one for the form of an answer and one for its correctness, raises both on held-out questions.",
	seeds: 1, repeats: "RLOO", data: true,
	run: runSums,
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
	var found sumsResult
	if found.before, err = l.answer(ctx, model(sft), test); err != nil {
		return err
	}
	for seed := range o.seeds {
		run, err := l.rl(ctx, fmt.Sprintf("RLOO on checked answers, seed %d", seed), Settings{
			"preset": "rloo", "iterations": 60, "episodes": sumsEpisodes, "minibatches": 2, "samples_per_prompt": 8, "max_new_tokens": 12, "temperature": 1,
			"score_samples": 0, "missing_eos": "ignore", "kl_coef": .01, "learning_rate": 3e-4, "reward_weights": []float64{1, .2}, "checkpoint_every": 5, "seed": seed,
		}, rl{policy: model(sft), prompts: prompts, more: []string{check("exact"), check("form")}})
		if err != nil {
			return err
		}
		after, err := l.answer(ctx, model(run), test)
		if err != nil {
			return err
		}
		training, err := curve(run, "step", "objective/reward_1")
		if err != nil {
			return err
		}
		found.after, found.training = append(found.after, after), append(found.training, training)
	}
	reportSums(r, found)
	return nil
}

// sumsEpisodes is how many answers RLOO samples in an iteration.
const sumsEpisodes = 256

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

// answers are a policy's on the test questions, by question: the share of exact ones and of those of the
// right form.
type answers struct{ Exact, Form []float64 }

// answersEach is how often a test question is answered.
const answersEach = 8

// answer samples and checks a policy's answers to the test questions.
func (l *lab) answer(ctx context.Context, dir string, test []sum) (answers, error) {
	return kept(l, "sums", []int{len(test), answersEach}, map[string]string{"policy": dir}, func() (out answers, err error) {
		m, err := policy.LoadPolicy(dir)
		if err != nil {
			return out, err
		}
		var prompts []*prefs.Prompt
		for k, s := range test {
			for range answersEach {
				prompts = append(prompts, s.prompt(k))
			}
		}
		d, err := measure.Draw{Dev: l.dev, Prompts: prompts, Seed: 1, MaxNew: 12, Temperature: 1}.From(ctx, m)
		if err != nil {
			return out, err
		}
		out.Exact, out.Form = make([]float64, len(test)), make([]float64, len(test))
		for i, text := range d.Completions {
			k := i / answersEach
			if n, ok := finalNumber(text); ok {
				out.Form[k] += 1. / answersEach
				if n == test[k].Answer {
					out.Exact[k] += 1. / answersEach
				}
			}
		}
		return out, nil
	})
}

// sumsResult is what was measured: after and training by seed.
type sumsResult struct {
	before   answers
	after    []answers
	training [][][]float64 // iteration, share of exact answers among those sampled in it
}

func reportSums(r *report, found sumsResult) {
	questions := len(found.before.Exact)
	after := answers{make([]float64, questions), make([]float64, questions)}
	gains := make([]float64, questions)
	for k := range gains {
		for _, a := range found.after {
			after.Exact[k] += a.Exact[k] / float64(len(found.after))
			after.Form[k] += a.Form[k] / float64(len(found.after))
		}
		gains[k] = after.Exact[k] - found.before.Exact[k]
	}
	exact := [2]measure.Rate{measure.Bootstrap(found.before.Exact), measure.Bootstrap(after.Exact)}
	form := [2]measure.Rate{measure.Bootstrap(found.before.Form), measure.Bootstrap(after.Form)}
	gained := measure.Bootstrap(gains)
	r.say("The bundled model of 3.4 million parameters cannot reckon; it can learn what an answer looks like and which numbers are likely. SFT on half of the short training questions, RLOO on the other half: %d iterations of %d answers, rewarded 1 for the exact number and 0.2 for the form `#### number`, each by a program that reads JSON lines. %d test questions, %d answers each; seeds: %d.",
		len(found.training[0]), sumsEpisodes, questions, answersEach, len(found.after))
	r.table([]string{"", "SFT", "RLOO"}, [][]string{{"exact, %", percent(exact[0]), percent(exact[1])}, {"form, %", percent(form[0]), percent(form[1])}})
	r.chart("exact", beforeAfter("Exact answers to held-out questions", "exact answers, %", exact))
	r.chart("form", beforeAfter("Answers of the right form", "answers of the form #### number, %", form))
	r.chart("training", learning(found.training))
	r.say("Bars are 95 %% intervals that resample questions. In training, pale points are iterations of %d answers, the line is the mean of up to nine of them in a row.", sumsEpisodes)
	r.Numbers["exact"], r.Numbers["form"], r.Numbers["gain"] = exact, form, gained
	r.verdict(gained.Lo > 0 && form[1].Value >= form[0].Value, "Exact answers go from %s to %s, a gain of %s on the same questions; answers of the right form from %s to %s.", percent(exact[0]), percent(exact[1]), percent(gained), percent(form[0]), percent(form[1]))
}

func beforeAfter(title, y string, rates [2]measure.Rate) plot.Chart {
	s := plot.Series{}
	for i, rate := range rates {
		s.Points = append(s.Points, plot.Point{X: float64(i), Y: 100 * rate.Value, Lo: 100 * rate.Lo, Hi: 100 * rate.Hi})
	}
	return plot.Chart{Title: title, Y: y, Columns: []string{"before: SFT", "after: RLOO"}, Series: []plot.Series{s}}
}

// learning draws the share of exact answers by iteration, a series for each seed.
func learning(training [][][]float64) plot.Chart {
	c := plot.Chart{Title: "Exact answers during RLOO, on training questions", X: "iteration", Y: fmt.Sprintf("exact among %d answers, %%", sumsEpisodes)}
	for seed, steps := range training {
		s := plot.Series{Name: fmt.Sprintf("seed %d", seed), Line: true, Bare: true}
		for i, step := range steps {
			near := steps[max(0, i-4):min(len(steps), i+5)]
			mean := 0.0
			for _, n := range near {
				mean += n[1] / float64(len(near))
			}
			s.Points = append(s.Points, plot.Point{X: step[0], Y: 100 * step[1], Small: true}, plot.Point{X: step[0], Y: 100 * mean})
		}
		c.Series = append(c.Series, s)
	}
	return c
}
