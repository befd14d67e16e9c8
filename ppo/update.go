package ppo

import (
	"context"
	"fmt"
	"math"
	"time"
)

// Update runs one iteration of PPO (Ouyang et al. 2022, section 3.5 and appendix
// C.4; the pretraining mix makes it their "PPO-ptx"). The bandit of the paper:
// a random prompt, one response, one reward, end of the episode. RLOO and GRPO are
// the same with several responses, another estimator in step 4, and no critic.
func (t *Trainer) Update(ctx context.Context) (Stats, error) {
	clock := newClock()

	// 1. Rollout: responses of the policy, with their log-probabilities.
	roll, err := t.sample(ctx)
	if err != nil {
		return Stats{}, fmt.Errorf("sample: %w", err)
	}
	clock.lap("perf/rollout_seconds")

	// 2. The reward model gives each response one number; the reference (the
	// policy at the start of the run) gives each token its log-probability, and
	// the critic the value of each state before a token.
	if err := t.score(ctx, roll); err != nil {
		return Stats{}, fmt.Errorf("score: %w", err)
	}

	// 3. The reward of a token is −β·(log π − log π₀), plus the score at the last
	// one: "a per-token KL penalty from the SFT model at each token".
	// With kl_in = loss, step 5 takes care of the KL instead.
	roll.Shape(t.state.Score, t.cfg.KLEstimator, t.rewardKL())

	// 4. Advantages and returns by the estimator, then whitening.
	roll.Advantage(t.cfg)
	stats := t.rolloutStats(roll)
	if err := checkFinite(stats.Metrics()); err != nil {
		return Stats{}, err
	}
	t.rememberBest(stats)
	clock.lap("perf/score_seconds")

	// 5. Several epochs of minibatches: clipped losses of policy and value
	// function, the pretraining gradient times γ added to the policy's in every
	// minibatch, one optimizer step of each.
	if err := t.optimize(ctx, roll, &stats); err != nil {
		return Stats{}, err
	}

	// 6. An average of the policy's weights, and the KL coefficient for next time.
	t.average()
	if !t.warming() {
		t.state.KL.Update(stats.KLLogRatio, stats.Episodes)
	}
	clock.lap("perf/update_seconds")

	t.state.Iteration++
	t.state.Episodes += stats.Episodes
	t.state.Tokens += stats.Tokens
	stats.Times = clock.laps
	t.last = roll
	return stats, checkFinite(stats.Metrics())
}

// rewardKL is the price of a nat of KL inside the reward.
func (t *Trainer) rewardKL() float64 {
	if t.cfg.KLIn == KLInLoss {
		return 0
	}
	return t.state.KL.Coef
}

// warming says whether this is one of the iterations in which only the critic learns.
func (t *Trainer) warming() bool { return t.state.Iteration < t.cfg.CriticWarmup }

// rolloutStats is what is known of an iteration before its updates.
func (t *Trainer) rolloutStats(roll *Rollout) Stats {
	s := rolloutStats(roll, t.state.KL.Coef)
	s.KLInLoss, s.Endless = t.cfg.KLIn == KLInLoss, len(t.models.Policy.Ends()) == 0
	if t.critic == nil {
		s.NoCritic = true
		s.GroupStd, s.GroupFlat = groupStats(roll, t.cfg.SamplesPerPrompt)
	}
	return s
}

// optimize is step 5. Nothing of the state is saved before it has finished, so
// a stop in between repeats the iteration.
func (t *Trainer) optimize(ctx context.Context, roll *Rollout, stats *Stats) error {
	rate := t.cfg.Schedule.Rate(t.state.Iteration, t.cfg.WarmupIterations, t.cfg.Iterations)
	var tallies []tally
	for epoch := range t.cfg.Epochs {
		pass := uint64(t.state.Iteration*t.cfg.Epochs + epoch)
		for _, mini := range deal(roll, t.cfg, pass) {
			one, err := t.step(ctx, mini, rate)
			if err != nil {
				return err
			}
			if tallies = append(tallies, one); len(tallies) == 1 {
				if err := one.checkFirst(); err != nil {
					return err
				}
			}
		}
	}
	summarise(tallies, t.cfg, stats)
	return nil
}

// step takes one optimizer step of the policy and one of the critic, where there is
// one, on a minibatch. Micro-batches only bound the memory: gradients add up over all of
// them before the steps.
func (t *Trainer) step(ctx context.Context, mini *minibatch, rate float64) (tally, error) {
	one := tally{}
	mini.addPtx(t.mix.rows(t.cfg, len(mini.responses), t.state.Steps))
	for i, span := range mini.micro(t.room) {
		if err := ctx.Err(); err != nil {
			return one, err
		}
		t.batch.fill(mini, span)
		if err := t.actor.accumulate(&t.batch, i == 0, t.state.KL.Coef, &one.policy); err != nil {
			return one, fmt.Errorf("policy: %w", err)
		}
		if t.critic == nil {
			continue
		}
		if err := t.critic.accumulate(&t.batch.critic, i == 0, &one.value); err != nil {
			return one, fmt.Errorf("critic: %w", err)
		}
	}
	t.state.Steps++
	var err error
	if !t.warming() {
		if one.policy.norm, err = t.actor.step(rate); err != nil {
			return one, fmt.Errorf("policy: %w", err)
		}
	}
	if t.critic == nil {
		return one, nil
	}
	if one.value.norm, err = t.critic.step(rate); err != nil {
		return one, fmt.Errorf("critic: %w", err)
	}
	return one, nil
}

// tally is what one optimizer step saw before it was taken.
type tally struct {
	policy policyTally
	value  valueTally
}

// checkFirst holds the first step of an iteration to its promise: nothing has
// been updated since the rollout, and sampling, scoring and training forward
// agree bit for bit, so every ratio is exactly 1. If not, the log-probabilities
// of the rollout belong to another distribution and PPO would learn from noise.
func (t tally) checkFirst() error {
	if t.policy.drift == 0 {
		return nil
	}
	return fmt.Errorf("ppo: before the first step a log-probability differs from the sampled one by %g nats, must be exactly 0: "+
		"the device samples and trains with different bits", t.policy.drift)
}

// summarise averages an iteration's steps into its statistics.
func summarise(all []tally, c Config, s *Stats) {
	n := float64(len(all))
	ratios := make([]float32, len(all))
	ptx := 0.0
	for i, one := range all {
		p, v := one.policy, one.value
		tokens := math.Max(1, float64(p.tokens))
		s.Policy.Loss += p.loss / n
		s.Policy.KL += p.kl / n
		s.Policy.GradNorm += p.norm / n
		s.Policy.ApproxKL += p.approxKL / tokens / n
		s.Policy.ClipFrac += p.clipped / tokens / n
		s.Policy.Entropy += p.entropy / tokens / n
		s.Policy.Ratio += p.ratios / tokens / n
		s.Critic.Loss += v.loss / n
		s.Critic.GradNorm += v.norm / n
		s.Critic.ClipFrac += v.clipped / tokens / n
		ratios[i] = float32(p.ratios / tokens)
		ptx += p.ptx / n
	}
	first := all[0].policy
	s.Policy.FirstApproxKL = first.approxKL / math.Max(1, float64(first.tokens))
	s.Policy.RatioVar = Variance(ratios, WhitenBessel)
	if c.PtxCoef > 0 {
		s.Ptx = &ptx
	}
}

// clock measures the phases of an iteration in seconds.
type clock struct {
	last time.Time
	laps map[string]float64
}

func newClock() *clock { return &clock{time.Now(), map[string]float64{}} }

func (c *clock) lap(name string) {
	now := time.Now()
	c.laps[name] = now.Sub(c.last).Seconds()
	c.last = now
}
