package reward

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"agora/policy"
	"agora/policy/checkpoint"
	"agora/policy/cpu"
	"agora/reward/prefs"
)

// RewardCmd is `agora reward`.
type RewardCmd struct {
	Train TrainCmd `cmd:"" help:"Train a reward model on rankings or comparisons."`
	Eval  EvalCmd  `cmd:"" help:"Measure how well a reward model predicts judgments."`
	Score ScoreCmd `cmd:"" help:"Score completions."`
}

// TrainCmd is `agora reward train`.
type TrainCmd struct {
	Policy  string   `name:"policy" required:"" help:"Model directory to start from, usually the SFT policy."`
	Data    []string `name:"data" required:"" help:"Preference file: ranked, trl, trl-implicit, hh or humour, .gz or not. Repeatable."`
	Demos   []string `name:"demos" help:"Demonstrations (demo or TRL prompt-completion rows) that shall score 0 on average. Repeatable."`
	Format  string   `name:"format" default:"auto" help:"Format of --data; auto looks at the first row."`
	Out     string   `name:"out" required:"" help:"Run directory to create; the model will be in OUT/model."`
	Config  string   `name:"config" help:"Settings, a TOML file."`
	Set     []string `name:"set" sep:"none" help:"One setting, key=value. Repeatable. See: agora config schema reward."`
	Seed    *uint64  `name:"seed" help:"Short for --set seed=N."`
	Resume  bool     `name:"resume" help:"Go on with the run in OUT."`
	Force   bool     `help:"Start even if the machine has not the memory for it."`
	Other   bool     `name:"accept-different-bits" help:"Resume although this machine computes with other kernels than the run began with."`
	Workers int      `name:"workers" aliases:"threads" help:"Worker threads; 0 means one per core. Results do not depend on it."`
	JSON    bool     `name:"json" help:"Print the result as one JSON object."`
}

// Help is shown by --help.
func (*TrainCmd) Help() string {
	return `Fits the K-wise loss of InstructGPT: all pairs of a ranking together, each completion
forwarded once. Part of the prompts and of the labelers is kept for validation. An empty completion is a
text as any other, its score that of the end token; pairs of one text twice are left out.

  agora reward train --policy sft/model --data answers.jsonl --out rm
  agora reward train --policy sft/model --data pairs.jsonl.gz --out rm --set learning_rate=1e-3 --set ties=half
  agora reward train --policy sft/model --data answers.jsonl --demos demos.jsonl --out rm --set preset=instructgpt
  agora reward train --policy smollm2 --data pairs.jsonl.gz --out rm --set lora_rank=16 --set learning_rate=2e-4`
}

// Run trains until done or stopped.
func (c *TrainCmd) Run(ctx context.Context) error {
	cfg := DefaultTrainConfig()
	if err := policy.LoadConfig(&cfg, c.Config, c.Set); err != nil {
		return err
	}
	if c.Seed != nil {
		cfg.Seed = *c.Seed
	}
	if err := cfg.Validate(); err != nil {
		return err
	}
	format, err := prefs.ParseFormat(c.Format)
	if err != nil {
		return fmt.Errorf("--format: %w", err)
	}
	data, err := ReadData(c.Data, c.Demos, format)
	if err != nil {
		return err
	}
	p, err := policy.LoadFrozenPolicy(c.Policy) // New copies it
	if err != nil {
		return fmt.Errorf("--policy: %w", err)
	}
	dev, err := cpu.Open(c.Workers)
	if err != nil {
		return err
	}
	console := policy.NewConsole(os.Stderr, "reward")
	result, err := Train(ctx, dev, p, data, cfg, c.Out, policy.RunOptions{Resume: c.Resume, AcceptDifferentBits: c.Other, Force: c.Force, Sinks: []policy.Sink{console}, Say: console.Say})
	if err != nil {
		return err
	}
	return printResult(os.Stdout, result, c.Out, c.JSON)
}

// EvalCmd is `agora reward eval`.
type EvalCmd struct {
	Model   []string `name:"model" sep:"none" required:"" help:"Reward model directory, or the run that made it; DIR#GROUP is one head of several, DIR reads each judgment with its group's. Repeatable: several are an ensemble, judged by their mean score."`
	Data    []string `name:"data" required:"" help:"Preference file of any format. Repeatable."`
	Format  string   `name:"format" default:"auto" help:"Format of --data."`
	Plot    string   `name:"plot" placeholder:"FILE" help:"Draw the calibration curve there, as SVG."`
	Workers int      `name:"workers" aliases:"threads" help:"Worker threads; 0 means one per core."`
	JSON    bool     `name:"json" help:"Print one JSON object."`
}

// Help is shown by --help.
func (*EvalCmd) Help() string {
	return `Accuracy on every untied pair, with a 95 % interval that resamples labelers where they
are known; by group and labeler fold, by margin with calibration, and against length. Where pairs
were judged by two or more, how often two people agree, and how often the majority of the others is
right, stand beside it: what one person knows of another, and what all the others do together.

  agora reward eval --model rm --data held-out.jsonl --plot calibration.svg
  agora reward eval --model rm --data held-out.jsonl --json
  agora reward eval --model rm-0 --model rm-1 --model rm-2 --data held-out.jsonl`
}

// Run evaluates.
func (c *EvalCmd) Run(ctx context.Context) error {
	var ensemble []*Scorer
	for _, dir := range c.Model {
		s, err := openScorer(dir, c.Workers, true)
		if err != nil {
			return err
		}
		ensemble = append(ensemble, s)
	}
	format, err := prefs.ParseFormat(c.Format)
	if err != nil {
		return fmt.Errorf("--format: %w", err)
	}
	data, err := ReadData(c.Data, nil, format)
	if err != nil {
		return err
	}
	r, err := Evaluate(ctx, data.Rankings, ensemble...)
	if err != nil {
		return err
	}
	if r.N == 0 {
		return errors.New("the data has no two different completions of different rank")
	}
	if c.Plot != "" {
		if err := checkpoint.WriteFile(c.Plot, r.CalibrationChart().SVG()); err != nil {
			return fmt.Errorf("--plot: %w", err)
		}
	}
	if c.JSON {
		return json.NewEncoder(os.Stdout).Encode(r)
	}
	return r.print(os.Stdout)
}

// openScorer compiles a model's scoring pass; of one with heads, all of them where whole is set.
func openScorer(dir string, threads int, whole bool) (*Scorer, error) {
	load := Load
	if _, head := CutHead(dir); whole && head == "" {
		load = LoadHeads
	}
	m, err := load(dir)
	if err != nil {
		return nil, fmt.Errorf("--model: %w", err)
	}
	if m.Trunk.Tokenizer == nil {
		return nil, fmt.Errorf("--model: %s has no tokenizer", dir)
	}
	dev, err := cpu.Open(threads)
	if err != nil {
		return nil, err
	}
	return NewScorer(dev, m, 0)
}

// ScoreCmd is `agora reward score`.
type ScoreCmd struct {
	Model   string `name:"model" required:"" help:"Reward model directory, or the run that made it; DIR#GROUP is one head of several, DIR their mean."`
	Data    string `name:"data" required:"" help:"File with completions: completions, ranked, demo or a preference format."`
	Format  string `name:"format" default:"auto" help:"Format of --data."`
	Workers int    `name:"workers" aliases:"threads" help:"Worker threads; 0 means one per core."`
	JSON    bool   `name:"json" help:"Print JSON lines (the only form there is)."`
}

// Help is shown by --help.
func (*ScoreCmd) Help() string {
	return `Prints {"prompt_id","id","score"} for every distinct completion, in order.

  agora reward score --model rm --data samples.jsonl > scores.jsonl`
}

// scoreChunk is how many completions are read before they are scored.
const scoreChunk = 512

// Run scores as it reads.
func (c *ScoreCmd) Run(ctx context.Context) error {
	s, err := openScorer(c.Model, c.Workers, false)
	if err != nil {
		return err
	}
	format, err := prefs.ParseFormat(c.Format)
	if err != nil {
		return fmt.Errorf("--format: %w", err)
	}
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	chunk := &scoreBatch{out: json.NewEncoder(out), scorer: s, enc: s.m.encoder(), seen: map[string]bool{}}
	for r, err := range prefs.Read(c.Data, format) {
		if err != nil {
			return err
		}
		if err := chunk.add(ctx, r); err != nil {
			return err
		}
	}
	return chunk.flush(ctx)
}

// ScoreLine is one line of `reward score`.
type ScoreLine struct {
	PromptID string  `json:"prompt_id"`
	ID       string  `json:"id"`
	Score    float32 `json:"score"`
}

// scoreBatch gathers completions until there are enough to score.
type scoreBatch struct {
	out    *json.Encoder
	scorer *Scorer
	enc    *encoder
	seen   map[string]bool
	lines  []ScoreLine
	seqs   [][]int32
}

func (b *scoreBatch) add(ctx context.Context, r prefs.Record) error {
	promptID, prompt, completions := completionsOf(r)
	if len(completions) == 0 {
		return fmt.Errorf("%s records have no completions to score", r.Schema())
	}
	for _, c := range completions {
		if key := promptID + "\x00" + c.ID + "\x00" + c.Text; b.seen[key] {
			continue
		} else {
			b.seen[key] = true
		}
		ids, err := b.enc.tokens(prompt, c.Text)
		if err != nil {
			return fmt.Errorf("prompt %s, completion %s: %w", promptID, c.ID, err)
		}
		b.lines, b.seqs = append(b.lines, ScoreLine{PromptID: promptID, ID: c.ID}), append(b.seqs, ids)
	}
	if len(b.lines) < scoreChunk {
		return nil
	}
	return b.flush(ctx)
}

func (b *scoreBatch) flush(ctx context.Context) error {
	scores, err := b.scorer.Score(ctx, b.seqs)
	if err != nil {
		return err
	}
	for i, line := range b.lines {
		line.Score = scores[i]
		if err := b.out.Encode(line); err != nil {
			return err
		}
	}
	b.lines, b.seqs = b.lines[:0], b.seqs[:0]
	return nil
}

func completionsOf(r prefs.Record) (promptID string, prompt []prefs.Message, completions []prefs.Completion) {
	switch r := r.(type) {
	case *prefs.Ranked:
		return r.PromptID, r.Prompt, r.Completions
	case *prefs.Completions:
		return r.PromptID, r.Prompt, r.Completions
	case *prefs.Demo:
		return r.PromptID, r.Prompt, []prefs.Completion{{ID: prefs.CompletionID(r.Completion), Text: r.Completion}}
	}
	return "", nil, nil
}
