package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"agora/db"
	"agora/policy"
	"agora/policy/checkpoint"
	"agora/policy/cpu"
	"agora/reward"
	"agora/reward/prefs"
)

// ScoreConfig are the settings of a run that scores a project's texts.
type ScoreConfig struct {
	Per string `toml:"per" json:"per" unit:"token|text" help:"what a policy's log-probability of a text is counted per: a token, so that length does not decide, or the text as a whole; a reward model's score is of the text"`
}

func defaultScoreConfig() ScoreConfig { return ScoreConfig{Per: "token"} }

// Validate names the setting that is wrong.
func (c ScoreConfig) Validate() error {
	if c.Per != "token" && c.Per != "text" {
		return fmt.Errorf("per: %q is neither token nor text", c.Per)
	}
	return nil
}

// storedText is a text of the project with what it answers.
type storedText struct {
	promptID, id, text string
	prompt             []prefs.Message
}

// scoredRole is what one input of the run gave the texts.
type scoredRole struct {
	role     string
	scores   []db.Score
	isReward bool
}

// scorePiece is how many texts are scored between two looks at the clock.
const scorePiece = 256

// scoreTexts lets the input "model", a reward model or a policy, score every text of the project's
// ranking tasks, and stores the scores with the project: the pages on disagreement show which side it
// takes. The input "before" is the policy before its alignment, to be shown beside it.
func scoreTexts(ctx context.Context, w *Worker, job Job, sink *dbSink) (map[string]any, error) {
	dev, err := w.device()
	if err != nil {
		return nil, err
	}
	c := defaultScoreConfig()
	if err := policy.LoadConfig(&c, "", job.sets()); err != nil {
		return nil, err
	}
	texts, err := w.textsOf(ctx, job.Project)
	if err != nil {
		return nil, err
	}
	var roles []string
	for _, role := range []string{"before", "model"} {
		if job.Inputs[role].Path != "" {
			roles = append(roles, role)
		}
	}
	var scored []scoredRole // all are scored before any is stored: a run that fails leaves nothing
	for i, role := range roles {
		progress := func(done int) { sink.Progress(i*len(texts)+done, len(roles)*len(texts)) }
		scores, isReward, err := scoresBy(ctx, dev, job.Inputs[role].Path, c, texts, progress)
		if err != nil {
			return nil, fmt.Errorf("input %s: %w", role, err)
		}
		scored = append(scored, scoredRole{role, scores, isReward})
	}
	var sets []map[string]any
	for _, s := range scored {
		set, err := w.keepScores(ctx, job, s)
		if err != nil {
			return nil, err
		}
		sets = append(sets, map[string]any{"name": set.Name, "texts": set.Matched, "sha256": set.SHA256})
		w.say(sink)("%s scored %d texts", set.Name, len(texts))
	}
	return map[string]any{"sets": sets}, nil
}

// textsOf are the texts of a project's ranking tasks, in the order of the items.
func (w *Worker) textsOf(ctx context.Context, project int64) ([]storedText, error) {
	if project == 0 {
		return nil, errors.New("a score run needs a project")
	}
	var texts []storedText
	err := w.Store.EachRecord(ctx, db.Export{ProjectID: project, Items: db.ItemRank}, func(row db.Record) error {
		prompt, err := messagesOf(row.Item)
		if err != nil {
			return err
		}
		for _, c := range row.Completions {
			texts = append(texts, storedText{row.Item.PromptID, c.ExtID, c.Text, prompt})
		}
		return nil
	})
	if err == nil && len(texts) == 0 {
		err = errors.New("the project has no texts to score yet")
	}
	return texts, err
}

// scoresBy scores the texts with the model in dir and says whether that is a reward model.
func scoresBy(ctx context.Context, dev *cpu.Device, dir string, c ScoreConfig, texts []storedText, progress func(done int)) (scores []db.Score, isReward bool, err error) {
	dir, err = policy.Resolve(dir)
	if err != nil {
		return nil, false, err
	}
	manifest, _, err := checkpoint.ReadManifest(dir)
	if err != nil {
		return nil, false, err
	}
	score := policyScore
	if isReward = manifest.Kind == KindReward; isReward {
		score = rewardScore
	}
	some, err := score(dev, dir, c)
	if err != nil {
		return nil, isReward, err
	}
	for piece := range slices.Chunk(texts, scorePiece) {
		values, err := some(ctx, piece)
		if err != nil {
			return nil, isReward, err
		}
		for i, t := range piece {
			scores = append(scores, db.Score{PromptID: t.promptID, ID: t.id, Score: values[i]})
		}
		progress(len(scores))
	}
	return scores, isReward, nil
}

// textScorer scores texts, one number each.
type textScorer func(context.Context, []storedText) ([]float64, error)

// rewardScore is what a reward model gives a text.
func rewardScore(dev *cpu.Device, dir string, _ ScoreConfig) (textScorer, error) {
	m, err := reward.Load(dir)
	if err != nil {
		return nil, err
	}
	s, err := reward.NewScorer(dev, m, 0)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, texts []storedText) ([]float64, error) {
		seqs := make([][]int32, len(texts))
		for i, t := range texts {
			if seqs[i], err = m.Encode(t.prompt, t.text); err != nil {
				return nil, fmt.Errorf("prompt %s, text %s: %w", t.promptID, t.id, err)
			}
		}
		scores, err := s.Score(ctx, seqs)
		out := make([]float64, len(scores))
		for i, x := range scores {
			out[i] = float64(x)
		}
		return out, err
	}, nil
}

// policyScore is the log-probability that a policy gives a text and its end, in nats a token or for all.
func policyScore(dev *cpu.Device, dir string, c ScoreConfig) (textScorer, error) {
	m, err := policy.LoadPolicy(dir)
	if err != nil {
		return nil, err
	}
	s, err := policy.NewScorer(dev, m, 0, 1)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, texts []storedText) ([]float64, error) {
		seqs := make([]policy.Sequence, len(texts))
		for i, t := range texts {
			seqs[i] = policy.Join(m.Template.Prompt(m.Tokenizer, t.prompt), m.Template.Completion(m.Tokenizer, t.text))
		}
		scores, err := s.Score(ctx, seqs)
		out := make([]float64, len(scores))
		for i, x := range scores {
			if out[i] = x.Sum(); c.Per == "token" {
				out[i] /= float64(len(x.LogProbs))
			}
		}
		return out, err
	}, nil
}

// keepScores stores the scores with the project and beside the run, as `agora reward score` prints them. A run
// that goes on after its worker died finds what it stored.
func (w *Worker) keepScores(ctx context.Context, job Job, in scoredRole) (db.ScoreSet, error) {
	var lines bytes.Buffer
	enc := json.NewEncoder(&lines)
	for _, s := range in.scores {
		if err := enc.Encode(reward.ScoreLine{PromptID: s.PromptID, ID: s.ID, Score: float32(s.Score)}); err != nil {
			return db.ScoreSet{}, err
		}
	}
	if err := checkpoint.WriteFile(filepath.Join(job.Dir, in.role+".scores.jsonl"), lines.Bytes()); err != nil {
		return db.ScoreSet{}, err
	}
	run, err := w.Store.Run(ctx, job.RunID)
	if err != nil {
		return db.ScoreSet{}, err
	}
	set := db.ScoreSet{ProjectID: job.Project, CreatedBy: run.CreatedBy, Name: w.modelName(ctx, job.Inputs[in.role].Path),
		SHA256: strings.TrimPrefix(checkpoint.HashBytes(lines.Bytes()), "sha256:"), Measure: in.isReward}
	stored, err := w.Store.ImportScores(ctx, set, in.scores)
	if errors.Is(err, db.ErrImportedTwice) {
		set.Matched = len(in.scores)
		return set, nil
	}
	return stored, err
}

// modelName is what people call the model in a directory: its run's name, else the directory's.
func (w *Worker) modelName(ctx context.Context, dir string) string {
	if runs, err := w.Store.ListRuns(ctx, 0); err == nil { // a name is no reason to fail
		for _, r := range runs {
			if r.Dir != "" && (dir == r.Dir || filepath.Dir(dir) == r.Dir) {
				if r.Name != "" {
					return r.Name
				}
				return fmt.Sprintf("%s %d", r.Kind, r.ID)
			}
		}
	}
	clean := filepath.Clean(dir)
	if filepath.Base(clean) == policy.ResultDir {
		clean = filepath.Dir(clean)
	}
	return filepath.Base(clean)
}
