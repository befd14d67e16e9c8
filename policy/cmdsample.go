package policy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"agora/policy/cpu"
	"agora/reward/prefs"
)

// SampleCmd is `agora policy sample`.
type SampleCmd struct {
	common
	Policy      string   `name:"policy" required:"" placeholder:"DIR" help:"Model to sample from."`
	Prompts     string   `name:"prompts" placeholder:"FILE" help:"Prompts: prompt/1 or any preference format, or the lines of a .txt file; also .gz."`
	Prompt      []string `name:"prompt" sep:"none" placeholder:"TEXT" help:"A prompt; may be repeated. An empty one begins a text."`
	N           int      `name:"n" default:"1" help:"Completions for each prompt."`
	MaxNew      int      `name:"max-new" default:"64" help:"Most tokens of a completion."`
	Temperature float64  `name:"temperature" default:"1" help:"Divides the logits."`
	Greedy      bool     `name:"greedy" help:"Always take the most likely token."`
	TopK        int      `name:"top-k" default:"0" help:"Only the k most likely tokens; 0 for all."`
	TopP        float64  `name:"top-p" default:"1" help:"Only the most likely tokens that together have this probability."`
	Seed        uint64   `name:"seed" default:"0" help:"Equal seeds give equal samples, whatever the batch."`
	Batch       int      `name:"batch" default:"16" help:"Sequences decoded at a time."`
	Template    string   `name:"template" placeholder:"NAME" help:"plain, chatml or hh instead of the model's."`
}

// Help is shown by --help.
func (*SampleCmd) Help() string {
	return `Prints a completions/1 line for every prompt.

  agora policy sample --policy sft --prompt "Why did the" --n 4
  agora policy sample --policy sft --prompts prompts.jsonl --max-new 32 --seed 7 > completions.jsonl`
}

// Run samples.
func (c *SampleCmd) Run(ctx context.Context) error {
	m, err := LoadPolicy(c.Policy)
	if err != nil {
		return err
	}
	if c.Template != "" {
		if m.Template, err = ParseTemplate(c.Template); err != nil {
			return err
		}
	}
	prompts, err := c.readPrompts(m)
	if err != nil {
		return err
	}
	dev, err := cpu.Open(c.Workers)
	if err != nil {
		return err
	}
	return c.sample(ctx, dev, m, prompts, os.Stdout)
}

// readPrompts finds a prompt that the model cannot go on from before any is sampled.
func (c *SampleCmd) readPrompts(m *Model) ([]*prefs.Prompt, error) {
	var prompts []*prefs.Prompt
	for _, text := range c.Prompt {
		p := &prefs.Prompt{Prompt: prefs.Plain(text)}
		if err := m.checkPrompt(p); err != nil {
			return nil, fmt.Errorf("--prompt %.40q: %w", text, err)
		}
		prompts = append(prompts, p)
	}
	if c.Prompts != "" {
		more, err := checkedPrompts(c.Prompts, m.checkPrompt)
		if err != nil {
			return nil, err
		}
		prompts = append(prompts, more...)
	}
	if len(prompts) == 0 {
		return nil, fmt.Errorf("no prompt: give --prompts FILE or --prompt TEXT")
	}
	return prompts, nil
}

// ReadPrompts reads prompts from any preference format, or from the lines of a .txt file.
func ReadPrompts(file string) ([]*prefs.Prompt, error) {
	return checkedPrompts(file, func(*prefs.Prompt) error { return nil })
}

// checkPrompt says why a prompt cannot be gone on from.
func (m *Model) checkPrompt(p *prefs.Prompt) error {
	switch n := len(m.Template.Prompt(m.Tokenizer, p.Prompt)); {
	case n == 0:
		return errors.New("the prompt is empty and the tokenizer has no begin token")
	case n >= m.Config.Context:
		return fmt.Errorf("the prompt has %d tokens, which leaves no room to go on: the context is %d", n, m.Config.Context)
	}
	return nil
}

func checkedPrompts(file string, check func(*prefs.Prompt) error) ([]*prefs.Prompt, error) {
	var prompts []*prefs.Prompt
	if filepath.Ext(strings.TrimSuffix(file, ".gz")) == ".txt" {
		data, err := readPlain(file)
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(data)) {
			p := &prefs.Prompt{Prompt: prefs.Plain(strings.TrimRight(line, "\r\n"))}
			if err := check(p); err != nil {
				return nil, fmt.Errorf("%s:%d: %w", file, len(prompts)+1, err)
			}
			prompts = append(prompts, p)
		}
		return prompts, nil
	}
	for p, err := range prefs.CheckPrompts(file, prefs.Auto, check) {
		if err != nil {
			return nil, err
		}
		prompts = append(prompts, p)
	}
	return prompts, nil
}

// sampling is what the flags say.
func (c *SampleCmd) sampling() Sampling {
	how := Sampling{MaxNew: c.MaxNew, Temperature: c.Temperature, TopK: c.TopK, TopP: c.TopP, Seed: c.Seed}
	if c.Greedy {
		how.Temperature = 0
	}
	return how
}

func (c *SampleCmd) sample(ctx context.Context, dev *cpu.Device, m *Model, prompts []*prefs.Prompt, w io.Writer) error {
	if c.N < 1 {
		return fmt.Errorf("--n %d: must be at least 1", c.N)
	}
	if err := c.sampling().Validate(); err != nil {
		return err
	}
	var reqs []Request
	longest := 0
	for i, p := range prompts {
		ids := m.Template.Prompt(m.Tokenizer, p.Prompt)
		longest = max(longest, len(ids))
		for j := range c.N {
			reqs = append(reqs, Request{Prompt: ids, Stream: int32(i*c.N + j)})
		}
	}
	s, err := NewSampler(dev, m, c.Batch, longest+c.MaxNew)
	if err != nil {
		return err
	}
	console := NewConsole(os.Stderr, "sample")
	out, err := s.Sample(ctx, reqs, c.sampling(), func(done int) { console.Progress(done, len(reqs)) })
	if err != nil {
		return err
	}
	for i, p := range prompts {
		line, err := json.Marshal(m.Completions(p, out[i*c.N:(i+1)*c.N], c.sampling()))
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "%s\n", line); err != nil {
			return err
		}
	}
	return nil
}

// Completions is the completions/1 row of a prompt's samples.
func (m *Model) Completions(p *prefs.Prompt, samples []Sampled, how Sampling) *prefs.Completions {
	r := &prefs.Completions{PromptID: p.PromptID, Prompt: p.Prompt}
	if r.PromptID == "" {
		r.PromptID = prefs.PromptID(p.Prompt)
	}
	used := map[string]int{}
	for _, s := range samples {
		text := m.Text(s.Tokens)
		id := prefs.CompletionID(text)
		if used[id]++; used[id] > 1 {
			id += "-" + strconv.Itoa(used[id])
		}
		logp := s.Sum()
		r.Completions = append(r.Completions, prefs.Completion{
			ID: id, Text: text, Policy: m.Hash, Sampling: how.fields(), Finish: s.Finish, LogProb: &logp,
		})
	}
	return r
}

// fields is the sampling member of completions/1.
func (s Sampling) fields() prefs.Fields {
	var f prefs.Fields
	set := func(name string, v any) {
		raw, err := json.Marshal(v)
		if err != nil {
			panic(err) // numbers
		}
		f.Set(name, raw)
	}
	set("temperature", s.Temperature)
	if s.TopK > 0 {
		set("top_k", s.TopK)
	}
	topP := s.TopP
	if topP == 0 {
		topP = 1
	}
	set("top_p", topP)
	set("seed", s.Seed)
	set("max_new", s.MaxNew)
	return f
}
