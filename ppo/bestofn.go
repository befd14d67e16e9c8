package ppo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"time"

	"agora/policy"
	"agora/policy/checkpoint"
	"agora/policy/cpu"
	"agora/reward"
	"agora/reward/prefs"
)

// BestOfNCmd is `agora bestofn`.
type BestOfNCmd struct {
	Policy      string        `required:"" placeholder:"DIR" help:"Model to sample from."`
	Reward      []string      `required:"" sep:"none" placeholder:"DIR" help:"Reward model, or exec:COMMAND; may be repeated."`
	Combine     string        `default:"sum" enum:"sum,mean,worst" help:"How several rewards become one: sum, mean or worst."`
	Weight      []float64     `placeholder:"W" help:"Factor on each --reward, in their order, as in --weight=1,-0.5; 1 each if there is none."`
	ExecTimeout time.Duration `default:"10m" help:"What an exec: reward has to answer a batch; 0 for as long as it takes."`
	Judge       string        `placeholder:"DIR" help:"Second reward model, which does not choose: shows over-optimisation."`
	Prompts     string        `required:"" placeholder:"FILE" help:"Prompts: prompt, ranked or other records, or the lines of a .txt file; also .gz."`
	N           int           `name:"n" default:"16" help:"Samples for each prompt."`
	Keep        int           `default:"1" help:"How many of them to print, best first; 0 for all."`
	Plot        string        `placeholder:"FILE" help:"Chart of reward and judge over √KL with the judge's fits, an SVG file."`
	Beside      string        `name:"run" placeholder:"DIR" help:"A run of ppo, rloo or grpo train from the same policy with the same judge: its scores join the chart."`
	MaxNew      int           `default:"64" help:"Most tokens of a completion."`
	Temperature float64       `default:"1" help:"Divides the logits."`
	Seed        uint64        `default:"0" help:"Equal seeds give equal samples."`
	Batch       int           `default:"64" help:"Sequences decoded at a time."`
	Workers     int           `help:"Worker threads; 0 means one per core. Results do not depend on it."`
	JSON        bool          `name:"json" help:"Print the summary on standard error as one JSON object too."`
}

// Help implements kong's detailed help.
func (*BestOfNCmd) Help() string {
	return `Samples n completions of each prompt and keeps the best by the reward. Prints completions/1 lines,
each completion with its score, and on standard error the mean score of the best of k for k = 1, 2, 4 … n
with its KL to the policy, ln k − (k−1)/k nats: the curve that PPO is compared with. With --judge also what
the judge gives to these best, and the fit of its gain, d (α − β d) with d = √KL (Gao et al. 2022).

Example:
  agora bestofn --policy sft --reward rm --prompts prompts.jsonl --n 16 > best.jsonl
  agora bestofn --policy sft --reward rm --judge judge --prompts prompts.jsonl --n 64 --run runs/ppo --plot over.svg > best.jsonl`
}

// Run samples, scores and prints.
func (c *BestOfNCmd) Run(ctx context.Context) error {
	dev, err := cpu.Open(c.Workers)
	if err != nil {
		return err
	}
	sum, err := c.run(ctx, dev, os.Stdout)
	if err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(os.Stderr).Encode(sum)
	}
	sum.print(os.Stderr)
	return nil
}

func (c *BestOfNCmd) run(ctx context.Context, dev *cpu.Device, w io.Writer) (bestOfSummary, error) {
	none := bestOfSummary{}
	if err := c.validate(); err != nil {
		return none, fmt.Errorf("bestofn: %w", err)
	}
	beside, err := readRun(c.Beside)
	if err != nil {
		return none, fmt.Errorf("--run: %w", err)
	}
	m, err := policy.LoadPolicy(c.Policy)
	if err != nil {
		return none, fmt.Errorf("policy: %w", err)
	}
	rate, judge, err := c.raters(dev, m)
	if err != nil {
		return none, err
	}
	prompts, tooLong, err := LoadPrompts(c.Prompts, m, c.MaxNew)
	if err != nil {
		return none, err
	}
	console := policy.NewConsole(os.Stderr, "bestofn")
	if tooLong > 0 {
		console.Say("%d prompts are left out: with %d new tokens they exceed the context of %d", tooLong, c.MaxNew, m.Config.Context)
	}
	samples, err := c.sample(ctx, dev, m, prompts, console)
	if err != nil {
		return none, err
	}
	var scores, judged [][]float64
	for i, p := range prompts {
		of := bestOfPrompt{Prompt: p, samples: samples[i*c.N : (i+1)*c.N]}
		if err := of.rate(ctx, rate, judge); err != nil {
			return none, fmt.Errorf("prompt %s: %w", p.ID, err)
		}
		if err := of.write(w, m, c); err != nil {
			return none, err
		}
		scores = append(scores, float64s(of.scores))
		if judge != nil {
			judged = append(judged, float64s(of.judged))
		}
	}
	sum := summariseBest(BestOfCurve(scores, judged), beside)
	if c.Plot == "" {
		return sum, nil
	}
	return sum, checkpoint.WriteFile(c.Plot, sum.chart(beside).SVG())
}

// validate names the first flag that makes no sense.
func (c *BestOfNCmd) validate() error {
	switch {
	case c.N < 1:
		return fmt.Errorf("--n %d: must be at least 1", c.N)
	case c.Keep < 0:
		return fmt.Errorf("--keep %d: must not be negative", c.Keep)
	case c.Temperature == 0:
		return errors.New("--temperature 0: all samples of a prompt would be the same")
	case c.Beside != "" && (c.Judge == "" || c.Plot == ""):
		return errors.New("--run compares a judge's scores in a chart: give --judge and --plot too")
	case len(c.Weight) > 0 && len(c.Weight) != len(c.Reward):
		return fmt.Errorf("%d of --weight for %d of --reward", len(c.Weight), len(c.Reward))
	}
	if err := Combine(c.Combine).check(c.Weight); err != nil {
		return fmt.Errorf("--weight %v: %w", c.Weight, err)
	}
	return c.sampling().Validate()
}

// raters opens what chooses, and the judge, nil without one.
func (c *BestOfNCmd) raters(dev *cpu.Device, m *policy.Model) (rate, judge Rater, err error) {
	raters := make([]Rater, len(c.Reward))
	for i, flag := range c.Reward {
		source := ParseReward(flag)
		source.Timeout = c.ExecTimeout
		r, err := source.open()
		if err != nil {
			return nil, nil, fmt.Errorf("reward: %w", err)
		}
		if raters[i], err = r.rater(dev, m, 0); err != nil {
			return nil, nil, fmt.Errorf("reward: %w", err)
		}
	}
	if rate, err = combine(raters, Combine(c.Combine), c.Weight, nil); err != nil || c.Judge == "" {
		return rate, nil, err
	}
	j, err := reward.LoadFrozen(c.Judge)
	if err != nil {
		return nil, nil, fmt.Errorf("judge: %w", err)
	}
	if judge, err = newRater(dev, j, m, 0); err != nil {
		return nil, nil, fmt.Errorf("judge: %w", err)
	}
	return rate, judge, nil
}

func (c *BestOfNCmd) sampling() policy.Sampling {
	return policy.Sampling{MaxNew: c.MaxNew, Temperature: c.Temperature, Seed: c.Seed}
}

// sample draws n completions of every prompt, those of a prompt one after another.
func (c *BestOfNCmd) sample(ctx context.Context, dev *cpu.Device, m *policy.Model, prompts []Prompt, console *policy.Console) ([]policy.Sampled, error) {
	var reqs []policy.Request
	longest := 0
	for i, p := range prompts {
		longest = max(longest, len(p.Tokens))
		for k := range c.N {
			reqs = append(reqs, policy.Request{Prompt: p.Tokens, Stream: int32((i*c.N + k) & math.MaxInt32)})
		}
	}
	sampler, err := policy.NewSampler(dev, m, c.Batch, longest+c.MaxNew)
	if err != nil {
		return nil, err
	}
	return sampler.Sample(ctx, reqs, c.sampling(), func(done int) { console.Progress(done, len(reqs)) })
}

// bestOfPrompt are the samples of one prompt.
type bestOfPrompt struct {
	Prompt
	samples        []policy.Sampled
	scores, judged []float32 // judged is nil without a judge
}

// rate asks the reward, and the judge where there is one.
func (b *bestOfPrompt) rate(ctx context.Context, rate, judge Rater) (err error) {
	responses, prompts := make([][]int32, len(b.samples)), make([]Prompt, len(b.samples))
	for i, s := range b.samples {
		responses[i], prompts[i] = s.Tokens, b.Prompt
	}
	if b.scores, err = rate.Rate(ctx, prompts, responses); err != nil || judge == nil {
		return err
	}
	if b.judged, err = judge.Rate(ctx, prompts, responses); err != nil {
		return fmt.Errorf("judge: %w", err)
	}
	return nil
}

// write prints the best samples as a completions/1 line.
func (b *bestOfPrompt) write(w io.Writer, m *policy.Model, c *BestOfNCmd) error {
	order := ranked(b.scores)
	if c.Keep > 0 {
		order = order[:min(c.Keep, len(order))]
	}
	kept := make([]policy.Sampled, len(order))
	for k, i := range order {
		kept[k] = b.samples[i]
	}
	row := m.Completions(&prefs.Prompt{PromptID: b.ID, Prompt: b.Turns}, kept, c.sampling())
	for k, i := range order {
		for _, number := range []struct {
			name string
			of   []float32
		}{{"score", b.scores}, {"judge", b.judged}} {
			if number.of == nil {
				continue
			}
			raw, err := json.Marshal(number.of[i])
			if err != nil {
				return fmt.Errorf("prompt %s: %s: %w", b.ID, number.name, err)
			}
			row.Completions[k].Extra.Set(number.name, raw)
		}
	}
	line, err := json.Marshal(row)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n", line)
	return err
}

func float64s(x []float32) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = float64(v)
	}
	return out
}
