package reward

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"agora/policy"
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

// printResult writes what was trained and how good it is.
func printResult(w io.Writer, r *Result, out string, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(map[string]any{
			"out": out, "model": out + "/" + policy.ResultDir, "steps": r.Steps, "rankings": r.Groups.Lines, "pairs": r.Groups.Pairs,
			"ties": r.Groups.Ties, "identical": r.Groups.Identical, "groups": r.Groups.Groups, "texts": r.Groups.Texts, "truncated": r.Groups.Truncated,
			"split": r.Split.How, "dropped": r.Split.Dropped, "centred_on": r.Centred, "val": r.Val, "val_new_labelers": r.NewWorkers,
		})
	}
	fmt.Fprintf(w, "trained on %d rankings (%d pairs, %d ties) in %d steps; split %s\n", r.Groups.Used, r.Groups.Pairs, r.Groups.Ties, r.Steps, r.Split.How)
	if r.Groups.Truncated > 0 {
		fmt.Fprintf(w, "%d of %d texts were cut to fit the model\n", r.Groups.Truncated, r.Groups.Texts)
	}
	fmt.Fprintf(w, "scores are 0 on average on: %s\n", r.Centred)
	if r.Val != nil {
		fmt.Fprintf(w, "validation: %s\n", r.Val)
	}
	if r.NewWorkers != nil {
		fmt.Fprintf(w, "labelers kept out of training: %s\n", r.NewWorkers)
	}
	fmt.Fprintf(w, "model in %s/%s\n", out, policy.ResultDir)
	return nil
}

// String is the report in one line.
func (r *Report) String() string {
	return fmt.Sprintf("%.1f %% of %d judgments (95 %% interval %.1f to %.1f, resampling %s), loss %.4f, length correlation %.2f (longer wins: %.1f %%)",
		100*r.Accuracy, r.N, 100*r.CI95[0], 100*r.CI95[1], r.Clusters, r.Loss, r.Length.Correlation, 100*r.Length.LongerWins)
}

// EvalCmd is `agora reward eval`.
type EvalCmd struct {
	Model   []string `name:"model" sep:"none" required:"" help:"Reward model directory, or the run that made it; DIR#GROUP is one head of several, DIR reads each judgment with its group's. Repeatable: several are an ensemble, judged by their mean score."`
	Data    []string `name:"data" required:"" help:"Preference file of any format. Repeatable."`
	Format  string   `name:"format" default:"auto" help:"Format of --data."`
	Workers int      `name:"workers" aliases:"threads" help:"Worker threads; 0 means one per core."`
	JSON    bool     `name:"json" help:"Print one JSON object."`
}

// Help is shown by --help.
func (*EvalCmd) Help() string {
	return `Accuracy on every untied pair, with a 95 % interval that resamples labelers where they
are known; by group and labeler fold, by margin with calibration, and against length. Where pairs
were judged twice, how often a second person agrees with the first stands beside it.

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
	if c.JSON {
		return json.NewEncoder(os.Stdout).Encode(r)
	}
	return r.print(os.Stdout)
}

func (r *Report) print(w io.Writer) error {
	fmt.Fprintln(w, r)
	if r.Raters != nil {
		fmt.Fprintf(w, "people: a second judgment agrees with the first on %.1f %% (%.1f to %.1f, of %d pairs)\n", 100*r.Raters.Value, 100*r.Raters.Lo, 100*r.Raters.Hi, r.Raters.Units)
	}
	for i, m := range r.Members {
		fmt.Fprintf(w, "member %d alone: %.1f %%, loss %.4f\n", i+1, 100*m.Accuracy, m.Loss)
	}
	if len(r.Members) > 0 {
		fmt.Fprintf(w, "the members' margins deviate by %.2f on average\n", r.Unsure)
	}
	if r.Ties > 0 {
		fmt.Fprintf(w, "%d ties left out\n", r.Ties)
	}
	if r.Identical > 0 {
		fmt.Fprintf(w, "%d pairs of one text twice left out\n", r.Identical)
	}
	for _, b := range r.ByMargin {
		fmt.Fprintf(w, "scores %.2f to %.2f apart: claims %.1f %%, right %.1f %%\n", b.From, b.To, 100*b.Predicted, 100*b.Accuracy)
	}
	printParts(w, "group", r.ByGroup)
	printParts(w, "labeler fold", r.ByLabelerFold)
	printParts(w, "strength", r.ByStrength)
	printParts(w, "agreement", r.ByAgreement)
	return nil
}

func printParts(w io.Writer, what string, parts map[string]Part) {
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		p := parts[name]
		fmt.Fprintf(w, "%s %s: %.1f %% of %d (%.1f to %.1f)\n", what, name, 100*p.Accuracy, p.N, 100*p.CI95[0], 100*p.CI95[1])
	}
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
