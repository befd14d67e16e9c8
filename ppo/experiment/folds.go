package experiment

import (
	"context"
	"fmt"
	"iter"
	"math"

	"agora/policy/base"
	"agora/ppo/measure"
	"agora/ppo/oneliners"
	"agora/reward"
	"agora/reward/prefs"
)

// labelerFolds has the form of InstructGPT's table (Ouyang et al. 2022, appendix E.2): 69.6 ± 0.9 % on
// labelers held out of training against 72.4 ± 0.4 % on those in it.
var labelerFolds = experiment{
	name: "folds", title: "Reward models on labelers and topics that they never saw, and by group", minutes: 40,
	claim: "A reward model predicts labelers whom it never learned from nearly as well as those it did; topics that it never saw are harder.",
	run:   runFolds,
}

// foldSettings train a small reward model once over the data.
func foldSettings(seed int) Settings {
	return Settings{"epochs": 1, "batch_prompts": 32, "learning_rate": 1e-3, "dropout": .1, "split": "none", "seed": seed, "max_tokens": 128, "eval_every": 100000, "save_every": 100000}
}

func runFolds(ctx context.Context, l *lab, o options, r *report) error {
	share := .25
	if o.full {
		share = 1
	}
	if err := oneliners.WriteData(l.path("data"), base.LoadHumour()); err != nil {
		return err
	}
	if err := base.WriteModel(l.path("base")); err != nil {
		return err
	}
	trunk, err := l.pretrain(ctx, "a small trunk", oneliners.JudgeTrunkSettings(0).With(Settings{"steps": 600}), l.path("base"), l.path("data", oneliners.Mix))
	if err != nil {
		return err
	}
	all, err := readArguments(o.data, share)
	if err != nil {
		return err
	}
	c := court{lab: l, trunk: model(trunk), seeds: o.seeds}
	r.say("UKPConvArg1: %d judgments by %d labelers of which of two arguments is more convincing (%.0f %% of the pairs). Labelers, and separately topics, are dealt into %d folds; a reward model is trained on four, %d seeds. One pair in five is in no training; all accuracies are on those pairs. The trunk is a GPT-2 of 0.6 million parameters, pretrained on agora's bundled corpus, which contains the arguments' words but no judgment.", len(all), labelers(all), 100*share, folds, o.seeds)
	var table [][]string
	for _, by := range []struct {
		name string
		of   func(judged) int
	}{{"labeler", func(j judged) int { return j.labeler }}, {"topic", func(j judged) int { return j.side }}} {
		seen, fresh, err := c.folds(ctx, by.name, all, by.of)
		if err != nil {
			return err
		}
		table = append(table, []string{by.name, spreadOf(seen), spreadOf(fresh), fmt.Sprintf("%+.1f", 100*(measure.Mean(fresh)-measure.Mean(seen)))})
		r.Numbers["by_"+by.name] = map[string]any{"training": seen, "held_out": fresh}
		if by.name == "labeler" {
			gap := 100 * (measure.Mean(seen) - measure.Mean(fresh))
			r.verdict(math.Abs(gap) < 5 && measure.Mean(fresh) > .55, "On labelers in training %s, on labelers held out %s: a gap of %.1f points (InstructGPT: 72.4 ± 0.4 and 69.6 ± 0.9).", spreadOf(seen), spreadOf(fresh), gap)
		}
	}
	r.table([]string{"held out by", "accuracy on the four folds in training, %", "on the fold held out, %", "difference, points"}, table)
	raters := reward.RaterAgreement(reward.Comparisons(linesOf(all, func(judged) bool { return true })))
	r.say("Mean ± standard deviation over folds and seeds. Two labelers of one pair agree on %.1f %% [%.1f, %.1f] (n = %d pairs, ties left out): nobody can predict single judgments much better than that.", 100*raters.Value, 100*raters.Lo, 100*raters.Hi, raters.Units)
	r.Numbers["rater_rater"] = raters.Value
	return c.groups(ctx, r, o)
}

// court trains and tries reward models.
type court struct {
	*lab
	trunk string
	seeds int
}

// folds are the accuracies of every fold and seed, on what was in training and on what was not.
func (c court) folds(ctx context.Context, name string, all []judged, of func(judged) int) (seen, fresh []float64, err error) {
	for fold := range folds {
		file := c.path("data", fmt.Sprintf("arguments-%s-%d-%d.jsonl", name, len(all), fold))
		train := linesOf(all, func(j judged) bool { return !j.held && of(j) != fold })
		if _, err := prefs.Write(file, prefs.FormatRanked, each(train), prefs.About{Licence: "CC BY 4.0, UKPConvArg1"}); err != nil {
			return nil, nil, err
		}
		for seed := range c.seeds {
			run, err := c.reward(ctx, fmt.Sprintf("without %s fold %d, seed %d", name, fold, seed), foldSettings(seed), c.trunk, file)
			if err != nil {
				return nil, nil, err
			}
			in, err := c.accuracy(ctx, run, name+"-in", linesOf(all, func(j judged) bool { return j.held && of(j) != fold }))
			if err != nil {
				return nil, nil, err
			}
			out, err := c.accuracy(ctx, run, name+"-out", linesOf(all, func(j judged) bool { return j.held && of(j) == fold }))
			if err != nil {
				return nil, nil, err
			}
			seen, fresh = append(seen, in.Accuracy), append(fresh, out.Accuracy)
		}
	}
	return seen, fresh, nil
}

// accuracy evaluates a run's model on judgments.
func (c court) accuracy(ctx context.Context, run, what string, lines []*prefs.Ranked) (*reward.Report, error) {
	return kept(c.lab, "accuracy-"+what, len(lines), map[string]string{"reward": model(run)}, func() (*reward.Report, error) {
		m, err := reward.LoadHeads(model(run))
		if err != nil {
			return nil, err
		}
		s, err := reward.NewScorer(c.dev, m, 0)
		if err != nil {
			return nil, err
		}
		return reward.Evaluate(ctx, lines, s)
	})
}

// groups reports accuracy by group, worst first, on two sets with known raters: trained alike, with a
// robust loss, and with a head for each group.
func (c court) groups(ctx context.Context, r *report, o options) error {
	for _, set := range []struct {
		name, what, by string
		read           func(string) ([]rated, error)
	}{
		{"POPQUORN", "which of two comments the rater found more offensive", "race", readOffensiveness},
		{"LeWiDi CSC", "which of two replies the annotator found more sarcastic", "gender", readSarcasm},
	} {
		marks, err := set.read(o.data)
		if err != nil {
			return err
		}
		lines := pairUp(marks, 30, 1)
		train, test := splitRaters(lines)
		file := c.path("data", "marks-"+set.by+".jsonl")
		if _, err := prefs.Write(file, prefs.FormatRanked, each(train), prefs.About{Licence: "not to be shipped"}); err != nil {
			return err
		}
		r.say("**%s**: %s; %d comparisons by raters in training, %d by raters held out.", set.name, set.what, len(train), len(test))
		var table [][]string
		for _, way := range []struct {
			name string
			set  Settings
		}{{"every comparison alike", nil}, {"robust loss, by " + set.by, Settings{"group_by": set.by, "robust_rate": .1}}, {"a head for each " + set.by, Settings{"group_by": set.by, "group_heads": true}}} {
			run, err := c.reward(ctx, set.name+", "+way.name, foldSettings(0).With(Settings{"epochs": 2}).With(way.set), c.trunk, file)
			if err != nil {
				return err
			}
			report, err := c.accuracy(ctx, run, "groups", test)
			if err != nil {
				return err
			}
			table = append(table, groupRow(way.name, report))
			r.Numbers[set.name+", "+way.name] = map[string]any{"accuracy": report.Accuracy, "ci95": report.CI95, "worst_group": report.WorstGroup, "by_group": report.ByGroup}
		}
		r.table([]string{"loss", "accuracy, %", "worst group", "its accuracy, %", "its n", "range over groups, points"}, table)
	}
	return nil
}

func groupRow(name string, r *reward.Report) []string {
	worst, top := r.ByGroup[r.WorstGroup], 0.0
	for _, p := range r.ByGroup {
		if p.N >= 20 {
			top = math.Max(top, p.Accuracy)
		}
	}
	return []string{name, fmt.Sprintf("%.1f [%.1f, %.1f]", 100*r.Accuracy, 100*r.CI95[0], 100*r.CI95[1]), r.WorstGroup,
		fmt.Sprintf("%.1f [%.1f, %.1f]", 100*worst.Accuracy, 100*worst.CI95[0], 100*worst.CI95[1]), fmt.Sprint(worst.N), fmt.Sprintf("%.1f", 100*(top-worst.Accuracy))}
}

// splitRaters keeps one rater in five out of training.
func splitRaters(lines []*prefs.Ranked) (train, test []*prefs.Ranked) {
	for _, r := range lines {
		if bits(r.Worker)%5 == 0 {
			test = append(test, r)
		} else {
			train = append(train, r)
		}
	}
	return train, test
}

func linesOf(all []judged, keep func(judged) bool) []*prefs.Ranked {
	var out []*prefs.Ranked
	for _, j := range all {
		if keep(j) {
			out = append(out, j.line)
		}
	}
	return out
}

func labelers(all []judged) int {
	seen := map[string]bool{}
	for _, j := range all {
		seen[j.line.Worker] = true
	}
	return len(seen)
}

func each(lines []*prefs.Ranked) iter.Seq2[prefs.Record, error] {
	return func(yield func(prefs.Record, error) bool) {
		for _, r := range lines {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// spreadOf writes accuracies as InstructGPT does: mean ± standard deviation, in per cent.
func spreadOf(x []float64) string {
	return fmt.Sprintf("%.1f ± %.1f", 100*measure.Mean(x), 100*deviation(x))
}
