package ppo

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os/exec"
	"slices"
	"strings"
	"time"

	"agora/policy"
	"agora/policy/checkpoint"
	"agora/policy/cpu"
	"agora/reward"
)

// A RewardSource is where a reward comes from: the directory of a reward model, or a
// command (reward.Command). Only a command line may name a command.
type RewardSource struct {
	Dir     string
	Command reward.Command
	Timeout time.Duration // what the command has for a batch; 0: as long as it takes
}

// ParseReward reads the value of a --reward flag: exec:COMMAND, or a directory.
func ParseReward(flag string) RewardSource {
	if line, ok := strings.CutPrefix(flag, "exec:"); ok {
		return RewardSource{Command: reward.Command(line)}
	}
	return RewardSource{Dir: flag}
}

// hash names what the reward is made of.
func (s RewardSource) hash() (string, error) {
	if s.Command != "" {
		return checkpoint.HashBytes([]byte("exec:" + s.Command)), nil
	}
	return hashReward(s.Dir)
}

// hashReward is the hash of a reward model's directory, with the head's name where it is one of several.
func hashReward(dir string) (string, error) {
	dir, head := reward.CutHead(dir)
	dir, err := policy.Resolve(dir)
	if err != nil {
		return "", err
	}
	hash, err := checkpoint.HashDir(dir)
	if head != "" {
		hash += "#" + head
	}
	return hash, err
}

// open loads the reward model; a command needs nothing but a shell.
func (s RewardSource) open() (Reward, error) {
	if s.Command != "" {
		_, err := exec.LookPath("sh")
		return Reward{Command: s.Command, Timeout: s.Timeout}, err
	}
	m, err := reward.LoadFrozen(s.Dir)
	return Reward{Model: m}, err
}

// Reward is an opened source: a model or a command.
type Reward struct {
	Model   *reward.Model
	Command reward.Command
	Timeout time.Duration // of the command
}

func (r Reward) rater(dev *cpu.Device, p *policy.Model, tokens int) (Rater, error) {
	if r.Model == nil {
		return commandRater{r.Command, p, r.Timeout}, nil
	}
	return newRater(dev, r.Model, p, tokens)
}

// commandRater asks a command.
type commandRater struct {
	command reward.Command
	policy  *policy.Model
	timeout time.Duration // for a batch; 0: none
}

// Rate implements Rater.
func (c commandRater) Rate(ctx context.Context, prompts []Prompt, responses [][]int32) ([]float32, error) {
	rows := make([]reward.CommandRow, len(responses))
	for i, y := range responses {
		p := prompts[i]
		rows[i] = reward.CommandRow{PromptID: p.ID, Prompt: p.Turns, Completion: c.policy.Text(y), Extra: p.Extra}
	}
	if c.timeout <= 0 {
		return c.command.Score(ctx, rows)
	}
	limited, stop := context.WithTimeout(ctx, c.timeout)
	defer stop()
	scores, err := c.command.Score(limited, rows)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return nil, fmt.Errorf("exec:%s: no answer to a batch of %d within %v; make it faster, or raise --exec-timeout", c.command, len(rows), c.timeout)
	}
	return scores, err
}

// Combine says how several rewards become one.
type Combine string

const (
	CombineSum   Combine = "sum"   // Σ weight·reward
	CombineMean  Combine = "mean"  // Σ weight·reward / Σ weight: an ensemble's opinion
	CombineWorst Combine = "worst" // the smallest weight·reward: nobody's objection is outvoted (Coste et al. 2023, arXiv:2310.02743)

	// CombineMaxMin is the reward of whichever group is worst off at the moment, for all responses of a
	// batch (MaxMin-RLHF, Chakraborty et al. 2024, arXiv:2402.08925, algorithm 2): every reward is measured
	// from SFT, in its own deviations, and the one with the smallest mean over the batch counts. Unlike
	// worst, it does not ask that every single response please everybody.
	CombineMaxMin Combine = "max-min"
)

// check says whether rewards can be combined with these weights; no weights are weights of 1.
func (c Combine) check(weights []float64) error {
	sum, size := 0.0, 0.0
	for i, w := range weights {
		if math.IsNaN(w) || math.IsInf(w, 0) {
			return fmt.Errorf("weight %d is %g, no finite number", i+1, w)
		}
		sum, size = sum+w, size+math.Abs(w)
	}
	switch {
	case len(weights) > 0 && size == 0:
		return errors.New("all are 0: nothing is rewarded")
	case c == CombineMean && math.Abs(sum) < 1e-9*size:
		return errors.New("they sum to 0, and a mean divides by their sum; combine by sum")
	}
	return nil
}

// A RewardScale is a reward's mean and deviation on samples of the starting policy.
type RewardScale struct {
	Mean float64 `json:"mean"`
	Std  float64 `json:"std"`
}

// Of combines the rewards of one response.
func (c Combine) Of(rewards []float32, weights []float64) float32 {
	weighted := make([]float64, len(rewards))
	sum, total := 0.0, 0.0
	for i, r := range rewards {
		w := 1.0
		if len(weights) > 0 {
			w = weights[i]
		}
		weighted[i] = w * float64(r)
		sum, total = sum+weighted[i], total+w
	}
	switch c {
	case CombineMean:
		return float32(sum / total)
	case CombineWorst:
		return float32(slices.Min(weighted)) // NaN wins
	}
	return float32(sum)
}

// combined is several raters as one.
type combined struct {
	raters  []Rater
	how     Combine
	weights []float64      // empty: all 1
	scales  *[]RewardScale // max-min: of each rater, empty before they are known
}

// combine makes one rater of several; a single one with no weight is left as it is. scales is where
// max-min finds what SFT's samples get; other ways do not read it.
func combine(raters []Rater, how Combine, weights []float64, scales *[]RewardScale) (Rater, error) {
	switch {
	case len(raters) == 0:
		return nil, errors.New("ppo: no reward")
	case len(weights) > 0 && len(weights) != len(raters):
		return nil, fmt.Errorf("ppo: reward_weights has %d entries for %d rewards", len(weights), len(raters))
	case how == CombineMaxMin && len(raters) < 2:
		return nil, errors.New("ppo: reward_combine = max-min needs a reward for each group, at least two")
	case len(raters) == 1 && len(weights) == 0:
		return raters[0], nil
	}
	return combined{raters, how, weights, scales}, nil
}

// Rate implements Rater.
func (c combined) Rate(ctx context.Context, prompts []Prompt, responses [][]int32) ([]float32, error) {
	all, err := c.each(ctx, prompts, responses)
	if err != nil {
		return nil, err
	}
	return c.join(all), nil
}

// each asks every rater: [raters][responses].
func (c combined) each(ctx context.Context, prompts []Prompt, responses [][]int32) ([][]float32, error) {
	all := make([][]float32, len(c.raters))
	for k, r := range c.raters {
		var err error
		if all[k], err = r.Rate(ctx, prompts, responses); err != nil {
			return nil, fmt.Errorf("reward %d: %w", k+1, err)
		}
	}
	return all, nil
}

// join makes one number of several for every response.
func (c combined) join(all [][]float32) []float32 {
	if c.how == CombineMaxMin {
		scaled := c.scaled(all)
		return scaled[worstOff(scaled)]
	}
	out, one := make([]float32, len(all[0])), make([]float32, len(all))
	for i := range out {
		for k := range all {
			one[k] = all[k][i]
		}
		out[i] = c.how.Of(one, c.weights)
	}
	return out
}

// scaled measures every reward from SFT, in its own deviations, times its weight.
func (c combined) scaled(all [][]float32) [][]float32 {
	out := make([][]float32, len(all))
	for k, rewards := range all {
		scale, weight := RewardScale{Std: 1}, 1.0
		if c.scales != nil && k < len(*c.scales) {
			scale = (*c.scales)[k]
		}
		if len(c.weights) > 0 {
			weight = c.weights[k]
		}
		out[k] = make([]float32, len(rewards))
		for i, r := range rewards {
			out[k][i] = float32(weight * (float64(r) - scale.Mean) / scale.Std)
		}
	}
	return out
}

// worstOff is the reward with the smallest mean; NaN wins, so that it is seen.
func worstOff(all [][]float32) int {
	at, lowest := 0, math.Inf(1)
	for k, rewards := range all {
		if m := Mean(rewards); m < lowest || math.IsNaN(m) {
			at, lowest = k, m
		}
	}
	return at
}

// scalesOf are the mean and deviation of each reward.
func scalesOf(all [][]float32) ([]RewardScale, error) {
	out := make([]RewardScale, len(all))
	for k, rewards := range all {
		out[k] = RewardScale{Mean(rewards), math.Sqrt(Variance(rewards, WhitenPopulation))}
		if !(out[k].Std > 1e-6*math.Max(1, math.Abs(out[k].Mean))) { // NaN too
			return nil, fmt.Errorf("ppo: reward %d gives %d samples mean %g and deviation %g: it does not tell texts apart", k+1, len(rewards), out[k].Mean, out[k].Std)
		}
	}
	return out, nil
}
