package reward

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"agora/reward/prefs"
)

// finish centres, evaluates and saves the model.
func (t *trainer) finish(ctx context.Context) (*Result, error) {
	out := &Result{Model: t.model, Groups: t.stats, Split: t.split, Steps: t.steps}
	metrics, err := t.conclude(ctx, out)
	if err != nil {
		return nil, t.stopped(ctx, err)
	}
	if t.pending != nil { // else the run was stopped right before the last line below
		line := maps.Clone(t.pending)
		maps.Copy(line, metrics)
		if err := t.showTexts(ctx); err != nil {
			return nil, t.stopped(ctx, err)
		}
		if err := t.log(line); err != nil {
			return nil, err
		}
		if err := t.commit(); err != nil {
			return nil, err
		}
	}
	return out, t.model.Save(t.run.Result(), t.manifest(metrics))
}

// conclude sets the bias and measures the finished model.
func (t *trainer) conclude(ctx context.Context, out *Result) (map[string]float64, error) {
	tokens, what, err := centreTexts(t.data, t.split.Train, t.model.encoder())
	if err != nil {
		return nil, err
	}
	if err := t.model.centre(ctx, t.scorer, tokens); err != nil {
		return nil, err
	}
	out.Centred = what
	metrics := map[string]float64{}
	for _, part := range []struct {
		prefix string
		lines  []*prefs.Ranked
		report **Report
	}{{"eval_", t.split.Val, &out.Val}, {"eval_new_labelers_", t.split.NewWorkers, &out.NewWorkers}} {
		r, err := evaluate(ctx, part.lines, true, t.scorer)
		if err != nil {
			return nil, err
		}
		if r.N > 0 {
			r.References = t.references(part.prefix, part.lines)
			*part.report = r
			metrics[part.prefix+"loss"], metrics[part.prefix+"accuracy"], metrics[part.prefix+"n"] = r.Loss, r.Accuracy, float64(r.N)
			maps.Copy(metrics, r.References.Metrics(part.prefix))
		}
	}
	return metrics, nil
}

// shown is how many texts the run shows, and fromTexts how many they are chosen from.
const shown, fromTexts = 8, 200

// showTexts reports validation texts from the best to the worst score, evenly
// spaced, so that a person sees what the model likes.
func (t *trainer) showTexts(ctx context.Context) error {
	type scoredText struct {
		prompt     []prefs.Message
		completion string
		score      float32
	}
	var texts []scoredText
	var seqs [][]int32
	seen := map[string]bool{}
	enc := t.model.encoder()
	for _, r := range t.split.Val {
		for i, c := range r.Completions {
			if name := textName(r, i); seen[name] || len(texts) == fromTexts {
				continue
			} else {
				seen[name] = true
			}
			ids, err := enc.tokens(r.Prompt, c.Text)
			if err != nil {
				return err
			}
			texts, seqs = append(texts, scoredText{r.Prompt, c.Text, 0}), append(seqs, ids)
		}
	}
	scores, err := t.scorer.Score(ctx, seqs)
	if err != nil {
		return err
	}
	for i, s := range scores {
		texts[i].score = s
	}
	slices.SortStableFunc(texts, func(a, b scoredText) int { return cmp.Compare(b.score, a.score) })
	for i := range min(shown, len(texts)) {
		text := texts[i*(len(texts)-1)/max(min(shown, len(texts))-1, 1)]
		err := t.run.Sample(t.opt.Steps, map[string]any{"prompt": promptText(text.prompt), "completion": text.completion, "score": text.score})
		if err != nil {
			return err
		}
	}
	return nil
}

// promptText is a prompt for people to read.
func promptText(turns []prefs.Message) string {
	var text strings.Builder
	for i, m := range turns {
		if len(turns) > 1 {
			text.WriteString(m.Role + ": ")
		}
		text.WriteString(m.Content)
		if i < len(turns)-1 {
			text.WriteString("\n\n")
		}
	}
	return text.String()
}

// centre shifts the bias so that the mean score of the texts is 0.
func (m *Model) centre(ctx context.Context, s *Scorer, texts [][]int32) error {
	if len(m.Heads) > 0 {
		return m.centreHeads(ctx, s, texts)
	}
	m.Bias().Data[0] = 0
	m.Trunk.Params.Changed()
	scores, err := s.Score(ctx, texts)
	if err != nil || len(scores) == 0 {
		return err
	}
	m.Bias().Data[0] = -mean32(scores)
	m.Trunk.Params.Changed()
	return nil
}
