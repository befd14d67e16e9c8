package experiment

import (
	"context"
	"fmt"
	"iter"
	"math"

	"agora/policy/base"
	"agora/policy/plot"
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
	seeds: 3, repeats: "the reward model of every fold; those by group are trained once", full: "all pairs of UKPConvArg1, not a quarter of them", data: true,
	run: runFolds,
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
	all, err := readArguments(o.data, share)
	if err != nil {
		return err
	}
	sets, err := readMarked(o.data)
	if err != nil {
		return err
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
	c := court{lab: l, trunk: model(trunk), seeds: o.seeds}
	judgments := linesOf(all, func(judged) bool { return true })
	people := reward.Comparisons(judgments)
	found := foldsResult{judgments: len(all), labelers: labelers(all), share: share, seeds: o.seeds, raters: reward.RaterAgreement(people), others: reward.OthersMajority(people)}
	if found.byLabeler, err = c.folds(ctx, "labeler", all, func(j judged) int { return j.labeler }); err != nil {
		return err
	}
	if found.byTopic, err = c.folds(ctx, "topic", all, func(j judged) int { return j.side }); err != nil {
		return err
	}
	reportFolds(r, found)
	groups, err := c.groups(ctx, sets)
	if err != nil {
		return err
	}
	reportGroups(r, groups)
	return nil
}

// held are accuracies of every fold and seed, on what was in training and on what was not.
type held struct{ seen, fresh []float64 }

// foldsResult is what was measured on the folds.
type foldsResult struct {
	judgments, labelers int
	share               float64 // of the pairs
	seeds               int
	byLabeler, byTopic  held
	raters, others      reward.Interval // how well people predict each other
}

func reportFolds(r *report, found foldsResult) {
	r.say("UKPConvArg1: %d judgments by %d labelers of which of two arguments is more convincing (%.0f %% of the pairs). Labelers, and separately topics, are dealt into %d folds; a reward model is trained on four; seeds: %d. One pair in five is in no training; all accuracies are on those pairs. The trunk is a GPT-2 of 0.6 million parameters, pretrained on agora's bundled corpus, which contains the arguments' words but no judgment.",
		found.judgments, found.labelers, 100*found.share, folds, found.seeds)
	var table [][]string
	for _, by := range []struct {
		name string
		held
	}{{"labeler", found.byLabeler}, {"topic", found.byTopic}} {
		table = append(table, []string{by.name, spreadOf(by.seen), spreadOf(by.fresh), fmt.Sprintf("%+.1f", 100*(measure.Mean(by.fresh)-measure.Mean(by.seen)))})
		r.Numbers["by_"+by.name] = map[string]any{"training": by.seen, "held_out": by.fresh}
	}
	r.table([]string{"held out by", "accuracy on the four folds in training, %", "on the fold held out, %", "difference, points"}, table)
	r.chart("folds", foldsChart(found))
	r.say("Mean ± standard deviation over folds and seeds, each of which is a pale point.")
	r.say("For comparison, over all pairs (ties left out, intervals resample pairs): two labelers of one pair agree on %s (%d pairs). That is no bound: where a share p of people prefers one argument, two of them agree with probability p² + (1 − p)², but whoever always says what most say is right max(p, 1 − p) of the time, so a model may exceed it. The majority of a pair's other labelers, ties split, says what a labeler said on %s: the accuracy of a predictor that knows every vote but the one it predicts.",
		ofPairs(found.raters), found.raters.Units, ofPairs(found.others))
	r.Numbers["rater_rater"], r.Numbers["others_majority"] = found.raters.Value, found.others.Value
	seen, fresh := found.byLabeler.seen, found.byLabeler.fresh
	gap := 100 * (measure.Mean(seen) - measure.Mean(fresh))
	topicGap := 100 * (measure.Mean(found.byTopic.seen) - measure.Mean(found.byTopic.fresh))
	r.verdict(math.Abs(gap) < 5 && measure.Mean(fresh) > .55 && topicGap > gap, "On labelers in training %s, on labelers held out %s: a gap of %.1f points (InstructGPT: 72.4 ± 0.4 and 69.6 ± 0.9). On topics in training %s, on topics held out %s: a gap of %.1f points.",
		spreadOf(seen), spreadOf(fresh), gap, spreadOf(found.byTopic.seen), spreadOf(found.byTopic.fresh), topicGap)
}

func ofPairs(i reward.Interval) string {
	return percent(measure.Rate{Value: i.Value, Lo: i.Lo, Hi: i.Hi})
}

// foldsChart draws every fold and seed around the mean, what was in training left of what was held out.
func foldsChart(found foldsResult) plot.Chart {
	c := plot.Chart{Title: "Accuracy of reward models on what they never saw", Y: "accuracy on pairs in no training, %",
		Columns: []string{"labelers in training", "labelers held out", "topics in training", "topics held out"}}
	for k, by := range []struct {
		name string
		held
	}{{"by labeler", found.byLabeler}, {"by topic", found.byTopic}} {
		s := plot.Series{Name: by.name, Line: true}
		for side, values := range [][]float64{by.seen, by.fresh} {
			column := 2*k + side
			for i, v := range values {
				s.Points = append(s.Points, plot.Point{X: beside(column, i, len(values)), Y: 100 * v, Small: true})
			}
			mean, deviates := 100*measure.Mean(values), 100*deviation(values)
			s.Points = append(s.Points, plot.Point{X: float64(column), Y: mean, Lo: mean - deviates, Hi: mean + deviates})
		}
		c.Series = append(c.Series, s)
	}
	right := float64(len(c.Columns)) - .5
	c.Series = append(c.Series, plot.Level("two labelers agree", 100*found.raters.Value, -.5, right), plot.Level("the others' majority", 100*found.others.Value, -.5, right))
	return c
}

// court trains and tries reward models.
type court struct {
	*lab
	trunk string
	seeds int
}

// folds trains and tries a reward model for every fold and seed.
func (c court) folds(ctx context.Context, name string, all []judged, of func(judged) int) (h held, err error) {
	for fold := range folds {
		file := c.path("data", fmt.Sprintf("arguments-%s-%d-%d.jsonl", name, len(all), fold))
		train := linesOf(all, func(j judged) bool { return !j.held && of(j) != fold })
		if _, err := prefs.Write(file, prefs.FormatRanked, each(train), prefs.About{Licence: "CC BY 4.0, UKPConvArg1"}); err != nil {
			return h, err
		}
		for seed := range c.seeds {
			run, err := c.reward(ctx, fmt.Sprintf("without %s fold %d, seed %d", name, fold, seed), foldSettings(seed), c.trunk, file)
			if err != nil {
				return h, err
			}
			in, err := c.accuracy(ctx, run, name+"-in", linesOf(all, func(j judged) bool { return j.held && of(j) != fold }))
			if err != nil {
				return h, err
			}
			out, err := c.accuracy(ctx, run, name+"-out", linesOf(all, func(j judged) bool { return j.held && of(j) == fold }))
			if err != nil {
				return h, err
			}
			h.seen, h.fresh = append(h.seen, in.Accuracy), append(h.fresh, out.Accuracy)
		}
	}
	return h, nil
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
