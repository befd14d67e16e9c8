package policy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sort"
	"strings"

	"agora/policy/cpu"
)

// PolicyCmd is `agora policy`.
type PolicyCmd struct {
	Pretrain PretrainCmd `cmd:"" help:"Train a model from scratch on text."`
	SFT      SFTCmd      `cmd:"" name:"sft" help:"Fine-tune a policy on demonstrations."`
	Sample   SampleCmd   `cmd:"" help:"Sample completions of prompts."`
	Score    ScoreCmd    `cmd:"" help:"Log-probabilities of given completions."`
	Eval     EvalCmd     `cmd:"" help:"Loss and perplexity on text or demonstrations."`
}

// common are the flags of every command.
type common struct {
	JSON    bool `name:"json" help:"Print machine-readable JSON on standard output."`
	Workers int  `name:"workers" default:"0" help:"Worker threads; 0 means one per core. Results do not depend on it."`
}

// training are the flags of the commands that train.
type training struct {
	Config              string   `name:"config" type:"existingfile" placeholder:"FILE" help:"Settings as TOML; see agora config schema."`
	Set                 []string `name:"set" sep:"none" placeholder:"KEY=VALUE" help:"One setting; may be repeated."`
	Out                 string   `name:"out" required:"" placeholder:"DIR" help:"Run directory to create; the model ends up in DIR/model."`
	Resume              bool     `name:"resume" help:"Go on with the run in --out, to the same bits as if it had never stopped."`
	Force               bool     `name:"force" help:"Start even if the machine has not the memory for it."`
	AcceptDifferentBits bool     `name:"accept-different-bits" help:"Resume on a machine with another kernel set."`
}

func (t training) job(console *Console) Job {
	return Job{Out: t.Out, Resume: t.Resume, AcceptDifferentBits: t.AcceptDifferentBits, Force: t.Force, Sinks: []Sink{console}, Say: console.Say}
}

// report prints a run's result.
func (c common) report(w io.Writer, r Result) error {
	if c.JSON {
		return json.NewEncoder(w).Encode(r)
	}
	var parts []string
	for name, x := range r.Metrics {
		parts = append(parts, fmt.Sprintf("%s %.4f", name, x))
	}
	sort.Strings(parts)
	_, err := fmt.Fprintf(w, "%s  step %d  %s\n", r.Dir, r.Steps, strings.Join(parts, "  "))
	return err
}

// PretrainCmd is `agora policy pretrain`.
type PretrainCmd struct {
	common
	training
	Preset    string   `name:"preset" placeholder:"NAME" help:"Size: tiny, S, M or L. Short for --set preset=NAME."`
	Data      []string `name:"data" required:"" placeholder:"FILE" help:"Texts: .txt, or .jsonl with a text field, also .gz; may be repeated."`
	Tokenizer string   `name:"tokenizer" placeholder:"DIR" help:"Take this tokenizer instead of training one."`
}

// Help is shown by --help.
func (*PretrainCmd) Help() string {
	return `Trains a tokenizer and a model on the texts. The run directory gets run.json, metrics.jsonl,
samples.jsonl, checkpoint/ (to resume from) and model/ (for the other commands and transformers).
Ctrl-C stops with a complete checkpoint.

  agora policy pretrain --preset tiny --data corpus.txt --data web.jsonl.gz --out base
  agora policy pretrain --preset M --set epochs=2 --set dropout=0.1 --data corpus.txt --out base-m
  agora policy pretrain --preset M --set parametrization=mup --set learning_rate=0.004 --data corpus.txt --out base-m`
}

// Run trains.
func (c *PretrainCmd) Run(ctx context.Context) error {
	cfg := DefaultPretrain()
	sets := c.Set
	if c.Preset != "" {
		sets = append([]string{"preset=" + c.Preset}, sets...)
	}
	if err := LoadConfig(&cfg, c.Config, sets); err != nil {
		return err
	}
	dev, err := cpu.Open(c.Workers)
	if err != nil {
		return err
	}
	job := c.job(NewConsole(os.Stderr, "pretrain"))
	job.Data, job.Tokenizer = c.Data, c.Tokenizer
	r, err := Pretrain(ctx, dev, cfg, job)
	if err != nil {
		return err
	}
	return c.report(os.Stdout, r)
}

// SFTCmd is `agora policy sft`.
type SFTCmd struct {
	common
	training
	Judge   OpenJudge `kong:"-"`
	Profile string    `name:"profile" placeholder:"NAME" help:"Settings of a published run: default, instructgpt or instructgpt-rl. Short for --set preset=NAME."`
	Policy  string    `name:"policy" required:"" placeholder:"DIR" help:"Model to start from."`
	Reward  string    `name:"reward" placeholder:"DIR" help:"Reward model that selects the best model: with --set select_by=reward."`
	Ptx     []string  `name:"ptx" placeholder:"FILE" help:"Text for the pretraining mix: .txt, or .jsonl with a text field, also .gz; its share is ptx_share."`
	Data    []string  `name:"data" required:"" placeholder:"FILE" help:"Demonstrations: demo/1, ranked/1 (the best completion), prompt-completion, instruction-output or text rows; also .gz; may be repeated."`
}

// Help is shown by --help.
func (*SFTCmd) Help() string {
	return `Trains on the completions of demonstrations; prompts count for nothing. Part of the prompts is
held out, and the model with the lowest loss on them is kept in DIR/model (select_best). As people's liking goes
on rising after that loss does, InstructGPT kept the model whose own responses a reward model liked best
(select_by). Some text as the model was pretrained on, mixed in, keeps its language; loss/train is of the
demonstrations, loss/ptx of that text. Rows without a completion are left out.

  agora policy sft --policy base --data demos.jsonl --out sft
  agora policy sft --policy base --data demos.jsonl --ptx corpus.txt --set ptx_share=0.1 --out sft
  agora policy sft --policy base --data demos.jsonl --set epochs=8 --set learning_rate=3e-3 --out sft
  agora policy sft --policy base --data demos.jsonl --set epochs=0 --set max_tokens=2000000 --out sft
  agora policy sft --policy base --data demos.jsonl --set epochs=16 --set select_by=reward --reward rm --out sft-16

Models of a hundred million parameters are trained with less memory by low-rank changes (LoRA), which want a
higher learning rate, and by computing activations again instead of keeping them:

  agora policy sft --policy smollm2 --data demos.jsonl --set lora_rank=16 --set learning_rate=3e-4 --out sft
  agora policy sft --policy smollm2 --data demos.jsonl --set gradient_checkpointing=true --set learning_rate=2e-5 --out sft`
}

// Run trains.
func (c *SFTCmd) Run(ctx context.Context) error {
	cfg := DefaultSFT()
	sets := c.Set
	if c.Profile != "" {
		sets = append([]string{"preset=" + c.Profile}, sets...)
	}
	if err := LoadConfig(&cfg, c.Config, sets); err != nil {
		return err
	}
	dev, err := cpu.Open(c.Workers)
	if err != nil {
		return err
	}
	job := c.job(NewConsole(os.Stderr, "sft"))
	job.Policy, job.Data, job.Ptx, job.Reward, job.Judge = c.Policy, c.Data, c.Ptx, c.Reward, c.Judge
	if c.Reward != "" && cfg.SelectBy != SelectByReward {
		return errors.New("--reward selects the best model only with --set select_by=reward")
	}
	r, err := SFT(ctx, dev, cfg, job)
	if err != nil {
		return err
	}
	return c.report(os.Stdout, r)
}

// EvalCmd is `agora policy eval`.
type EvalCmd struct {
	common
	Policy    string   `name:"policy" required:"" placeholder:"DIR" help:"Model to evaluate."`
	Data      []string `name:"data" required:"" placeholder:"FILE" help:"Texts, every token of which counts, or demonstrations, whose completions count; may be repeated."`
	Documents string   `name:"documents" enum:"file,line,paragraph" default:"file" help:"What is one document in a .txt file: file, line or paragraph."`
}

// Help is shown by --help.
func (*EvalCmd) Help() string {
	return `Prints the mean loss in nats per token, its exponential, and the number of tokens.

  agora policy eval --policy sft --data held-out.txt --json`
}

// Run evaluates.
func (c *EvalCmd) Run(ctx context.Context) error {
	m, err := LoadPolicy(c.Policy)
	if err != nil {
		return err
	}
	seqs, err := evalSequences(m, c.Data, c.Documents)
	if err != nil {
		return err
	}
	dev, err := cpu.Open(c.Workers)
	if err != nil {
		return err
	}
	s, err := NewScorer(dev, m, 0, 1)
	if err != nil {
		return err
	}
	console := NewConsole(os.Stderr, "eval")
	e, err := Evaluate(ctx, s, seqs, func(done int) { console.Progress(done, len(seqs)) })
	if err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(os.Stdout).Encode(e)
	}
	_, err = fmt.Printf("loss %.4f nats per token, perplexity %.2f, %d tokens\n", e.Loss, e.Perplexity, e.Tokens)
	return err
}

// evalSequences reads each file as text or as demonstrations.
func evalSequences(m *Model, files []string, cut string) ([]Sequence, error) {
	var seqs []Sequence
	for _, file := range files {
		text, err := isText(file)
		if err != nil {
			return nil, err
		}
		if text {
			docs, err := ReadDocuments([]string{file}, cut)
			if err != nil {
				return nil, err
			}
			seqs = append(seqs, NewCorpus(m.Tokenizer, docs).sequences(m.Config.Context)...)
			continue
		}
		examples, err := ReadExamples([]string{file})
		if err != nil {
			return nil, err
		}
		for i, e := range examples {
			s := Join(m.Template.Prompt(m.Tokenizer, e.Prompt), m.Template.Completion(m.Tokenizer, e.Completion))
			if err := s.check(fmt.Sprintf("%s: example %d", file, i+1), m.Config.Vocab, m.Config.Context); err != nil {
				return nil, err
			}
			seqs = append(seqs, s)
		}
	}
	return seqs, nil
}
