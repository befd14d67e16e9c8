package pipeline

import (
	"context"
	"slices"

	"agora/policy"
	"agora/policy/base"
	"agora/ppo/measure"
	"agora/ppo/oneliners"
	"agora/reward"
	"agora/reward/prefs"
)

// judgeAccuracies measures reward model and judge on judgments that neither learned from.
func (q *quickstart) judgeAccuracies(ctx context.Context, rm, judge string, r *Report) error {
	raters, others, bt := oneliners.References(q.humour)
	r.Refs = Refs{raters.Value, others.Value, bt.Value}
	seen, fresh, err := q.accuracy(ctx, rm, oneliners.Pairs, oneliners.JudgePairs)
	if err != nil {
		return err
	}
	r.Reward = RewardPart{Accuracy: seen.Accuracy, CI95: seen.CI95, N: seen.N, AccuracyNew: fresh.Accuracy, CI95New: fresh.CI95, NNew: fresh.N,
		LengthCorrelation: fresh.Length.Correlation}
	if seen, fresh, err = q.accuracy(ctx, judge, oneliners.JudgePairs, oneliners.Pairs); err != nil {
		return err
	}
	r.Judge = JudgePart{Accuracy: fresh.Accuracy, CI95: fresh.CI95, N: fresh.N, AccuracySeen: seen.Accuracy, CI95Seen: seen.CI95, NSeen: seen.N}
	return nil
}

// accuracy evaluates a reward model twice: on the held-out judgments of the file it learned from, and
// on all judgments of a file whose texts it never saw.
func (q *quickstart) accuracy(ctx context.Context, dir, own, other string) (seen, fresh *reward.Report, err error) {
	m, err := reward.Load(dir)
	if err != nil {
		return nil, nil, err
	}
	dev, err := q.worker.device()
	if err != nil {
		return nil, nil, err
	}
	s, err := reward.NewScorer(dev, m, 0)
	if err != nil {
		return nil, nil, err
	}
	heldOut := func(r *prefs.Ranked) bool { return r.Split == oneliners.Held }
	lines, err := q.ranked(own, heldOut)
	if err != nil {
		return nil, nil, err
	}
	if seen, err = reward.Evaluate(ctx, lines, s); err != nil {
		return nil, nil, err
	}
	if lines, err = q.ranked(other, func(*prefs.Ranked) bool { return true }); err != nil {
		return nil, nil, err
	}
	fresh, err = reward.Evaluate(ctx, lines, s)
	return seen, fresh, err
}

// ranked reads the judgments of a file that keep wants.
func (q *quickstart) ranked(file string, keep func(*prefs.Ranked) bool) ([]*prefs.Ranked, error) {
	var out []*prefs.Ranked
	for r, err := range prefs.ReadRanked(q.path("data", file), prefs.Auto) {
		if err != nil {
			return nil, err
		}
		if keep(r) && (q.evalJudgments == 0 || len(out) < q.evalJudgments) {
			out = append(out, r)
		}
	}
	return out, nil
}

// compare samples both policies on the same openings and measures them; the texts become ranking tasks.
func (q *quickstart) compare(ctx context.Context, sftDir, rmDir, judgeDir, ppoDir string, r *Report) error {
	sft, err := policy.LoadPolicy(sftDir)
	if err != nil {
		return err
	}
	ppo, err := policy.LoadPolicy(ppoDir)
	if err != nil {
		return err
	}
	rm, err := reward.Load(rmDir)
	if err != nil {
		return err
	}
	judge, err := reward.Load(judgeDir)
	if err != nil {
		return err
	}
	dev, err := q.worker.device()
	if err != nil {
		return err
	}
	prompts := oneliners.Openings(q.humour.On(base.JudgeSide))
	c := measure.Draw{Dev: dev, Prompts: prompts[:min(q.evalPrompts, len(prompts))], Seed: uint64(q.cmd.Seed), MaxNew: oneliners.MaxNewTokens, Temperature: oneliners.Temperature, WholeTexts: true}
	var both [2]*measure.Samples
	if r.PPO, both, err = compare(ctx, c, sft, ppo, rm, judge, oneliners.KnownTexts(q.humour), q.heldOut()); err != nil {
		return err
	}
	r.check()
	r.Samples = sideBySide(c.Prompts, both)
	if r.Chart, err = q.chart(ctx); err != nil {
		return err
	}
	return q.importTasks(ctx, c, sft, ppo, both)
}

// heldOut are the documents that the policies' loss is measured on; of a large model every eighth.
func (q *quickstart) heldOut() []string {
	all := base.HeldOut()
	if !q.large {
		return all
	}
	var some []string
	for i := 0; i < len(all); i += 8 {
		some = append(some, all[i])
	}
	return some
}

// sideBySide takes ten prompts evenly from all: no choosing.
func sideBySide(prompts []*prefs.Prompt, both [2]*measure.Samples) []SideBySide {
	const n = 10
	var out []SideBySide
	for k := range min(n, len(prompts)) {
		i := k * len(prompts) / n
		shown := func(d *measure.Samples) string {
			if base.Offends(d.Texts[i]) != "" {
				return "(hidden by the word filter)"
			}
			return d.Completions[i]
		}
		out = append(out, SideBySide{measure.PromptText(prompts[i].Prompt), shown(both[0]), shown(both[1])})
	}
	return out
}

// chart reads PPO's course from the database.
func (q *quickstart) chart(ctx context.Context) ([]ChartPoint, error) {
	run := q.readStamp(stage{name: stagePPO}).Run
	metrics, err := q.store.Metrics(ctx, run, -1, "objective/kl_sqrt", "objective/reward_raw", "objective/judge")
	if err != nil {
		return nil, err
	}
	at := map[int64]*ChartPoint{}
	var steps []int64
	for _, m := range metrics {
		if at[m.Step] == nil {
			at[m.Step] = &ChartPoint{}
			steps = append(steps, m.Step)
		}
		switch m.Name {
		case "objective/kl_sqrt":
			at[m.Step].SqrtKL = m.Value
		case "objective/reward_raw":
			at[m.Step].Reward = m.Value
		case "objective/judge":
			at[m.Step].Judge = m.Value
		}
	}
	slices.Sort(steps)
	var out []ChartPoint
	for _, s := range steps {
		out = append(out, *at[s])
	}
	return out, nil
}
