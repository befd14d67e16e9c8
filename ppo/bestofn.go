package ppo

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"time"

	"agora/policy"
	"agora/policy/cpu"
	"agora/reward/prefs"
)

// BestOfNCmd is `agora bestofn`.
type BestOfNCmd struct {
	Policy      string        `required:"" placeholder:"DIR" help:"Model to sample from."`
	Reward      []string      `required:"" sep:"none" placeholder:"DIR" help:"Reward model, or exec:COMMAND; may be repeated."`
	Combine     string        `default:"sum" enum:"sum,mean,worst" help:"How several rewards become one: sum, mean or worst."`
	ExecTimeout time.Duration `default:"10m" help:"What an exec: reward has to answer a batch; 0 for as long as it takes."`
	Prompts     string        `required:"" placeholder:"FILE" help:"Prompts: prompt, ranked or other records, or the lines of a .txt file; also .gz."`
	N           int           `name:"n" default:"16" help:"Samples for each prompt."`
	Keep        int           `default:"1" help:"How many of them to print, best first; 0 for all."`
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
with its KL to the policy, ln k − (k−1)/k nats: the curve that PPO is compared with.

Example:
  agora bestofn --policy sft --reward rm --prompts prompts.jsonl --n 16 > best.jsonl`
}

// Run samples, scores and prints.
func (c *BestOfNCmd) Run(ctx context.Context) error {
	dev, err := cpu.Open(c.Workers)
	if err != nil {
		return err
	}
	curve, err := c.run(ctx, dev, os.Stdout)
	if err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(os.Stderr).Encode(map[string]any{"n": c.N, "kl": BestOfNKL(c.N), "curve": curve})
	}
	for _, p := range curve {
		fmt.Fprintf(os.Stderr, "best of %-4d KL %.4f nats   score %.4f\n", p.N, p.KL, p.Score)
	}
	return nil
}

func (c *BestOfNCmd) run(ctx context.Context, dev *cpu.Device, w io.Writer) ([]BestOf, error) {
	if err := c.validate(); err != nil {
		return nil, fmt.Errorf("bestofn: %w", err)
	}
	m, err := policy.LoadPolicy(c.Policy)
	if err != nil {
		return nil, fmt.Errorf("policy: %w", err)
	}
	rate, err := c.rater(dev, m)
	if err != nil {
		return nil, err
	}
	prompts, tooLong, err := LoadPrompts(c.Prompts, m, c.MaxNew)
	if err != nil {
		return nil, err
	}
	console := policy.NewConsole(os.Stderr, "bestofn")
	if tooLong > 0 {
		console.Say("%d prompts are left out: with %d new tokens they exceed the context of %d", tooLong, c.MaxNew, m.Config.Context)
	}
	samples, err := c.sample(ctx, dev, m, prompts, console)
	if err != nil {
		return nil, err
	}
	var scores [][]float64
	for i, p := range prompts {
		of, err := c.best(ctx, m, rate, p, samples[i*c.N:(i+1)*c.N], w)
		if err != nil {
			return nil, err
		}
		scores = append(scores, of)
	}
	return BestOfCurve(scores, nil), nil
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
	}
	return c.sampling().Validate()
}

func (c *BestOfNCmd) rater(dev *cpu.Device, m *policy.Model) (Rater, error) {
	raters := make([]Rater, len(c.Reward))
	for i, flag := range c.Reward {
		source := ParseReward(flag)
		source.Timeout = c.ExecTimeout
		r, err := source.open()
		if err != nil {
			return nil, fmt.Errorf("reward: %w", err)
		}
		if raters[i], err = r.rater(dev, m, 0); err != nil {
			return nil, fmt.Errorf("reward: %w", err)
		}
	}
	return combine(raters, Combine(c.Combine), nil, nil)
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

// best prints the best samples of one prompt and returns the scores of all.
func (c *BestOfNCmd) best(ctx context.Context, m *policy.Model, rate Rater, p Prompt, samples []policy.Sampled, w io.Writer) ([]float64, error) {
	responses, prompts, order := make([][]int32, len(samples)), make([]Prompt, len(samples)), make([]int, len(samples))
	for i, s := range samples {
		responses[i], prompts[i], order[i] = s.Tokens, p, i
	}
	scores, err := rate.Rate(ctx, prompts, responses)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(scores[b], scores[a]) })
	keep := len(order)
	if c.Keep > 0 {
		keep = min(c.Keep, keep)
	}
	kept := make([]policy.Sampled, keep)
	for k := range kept {
		kept[k] = samples[order[k]]
	}
	row := m.Completions(&prefs.Prompt{PromptID: p.ID, Prompt: p.Turns}, kept, c.sampling())
	for k := range kept {
		score, err := json.Marshal(scores[order[k]])
		if err != nil {
			return nil, fmt.Errorf("prompt %s: score: %w", p.ID, err)
		}
		row.Completions[k].Extra.Set("score", score)
	}
	line, err := json.Marshal(row)
	if err != nil {
		return nil, err
	}
	wide := make([]float64, len(scores))
	for i, s := range scores {
		wide[i] = float64(s)
	}
	_, err = fmt.Fprintf(w, "%s\n", line)
	return wide, err
}

// BestOf is a point of the best-of-n curve.
type BestOf struct {
	N     int     `json:"n"`
	KL    float64 `json:"kl"`    // nats to the policy; exact if no two samples are alike, else an upper bound
	Score float64 `json:"score"` // expected score of the best of n, mean over prompts

	Judge *float64 `json:"judge,omitempty"` // what a judge gives to these best, nil without one
}

// BestOfCurve estimates, from all samples there are and without bias, what the best of k by the score is
// worth to the score and, where judged is not nil, to a judge that did not choose, for k = 1, 2, 4 … up to all
// (Nakano et al. 2021, arXiv:2112.09332, appendix I): with a prompt's samples in descending order of score,
// x_1 … x_n,
//
//	E[best of k] = Σ_i C(n−i, k−1)/C(n, k) · x_i
//
// scores and judged have one slice for each prompt, all of one length.
func BestOfCurve(scores, judged [][]float64) []BestOf {
	n := len(scores[0])
	var curve []BestOf
	for k := 1; k < n; k *= 2 {
		curve = append(curve, bestOf(scores, judged, k))
	}
	return append(curve, bestOf(scores, judged, n))
}

// bestOf is the curve at one k.
func bestOf(scores, judged [][]float64, k int) BestOf {
	point := BestOf{N: k, KL: BestOfNKL(k)}
	judge := 0.0
	for p, of := range scores {
		n := len(of)
		share := float64(k) / float64(n) // C(n−1, k−1)/C(n, k), of the best
		for i, at := range ranked(of) {
			if i > n-k {
				break
			}
			point.Score += share * of[at] / float64(len(scores))
			if judged != nil {
				judge += share * judged[p][at] / float64(len(scores))
			}
			share *= float64(n-i-k) / float64(max(1, n-i-1))
		}
	}
	if judged != nil {
		point.Judge = &judge
	}
	return point
}

// ranked are the places of scores, the highest first, equal ones in their order.
func ranked[T cmp.Ordered](scores []T) []int {
	order := make([]int, len(scores))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(scores[b], scores[a]) })
	return order
}
