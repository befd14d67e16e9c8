package pipeline

import (
	"context"

	"agora/policy"
	"agora/ppo/measure"
	"agora/reward"
)

// compare fills in the PPO part of the report: SFT against PPO on the same prompts, and their loss on held-out documents.
func compare(ctx context.Context, c measure.Draw, sft, ppo *policy.Model, rm, judge *reward.Model, known map[string]bool, held []string) (PPOPart, [2]*measure.Samples, error) {
	var both [2]*measure.Samples
	var rewards, judged [2][]float64
	var out PPOPart
	for i, m := range []*policy.Model{sft, ppo} {
		var err error
		if both[i], err = c.From(ctx, m); err != nil {
			return out, both, err
		}
		if rewards[i], err = c.Score(ctx, rm, both[i]); err != nil {
			return out, both, err
		}
		if judged[i], err = c.Score(ctx, judge, both[i]); err != nil {
			return out, both, err
		}
	}
	a, b := both[0], both[1]
	win := measure.WinRate(judged[1], judged[0])
	out = PPOPart{
		WinRate: win.Value, CI95: [2]float64{win.Lo, win.Hi}, N: len(c.Prompts),
		RewardSFT: measure.Mean(rewards[0]), RewardPPO: measure.Mean(rewards[1]), JudgeSFT: measure.Mean(judged[0]), JudgePPO: measure.Mean(judged[1]),
		Distinct2SFT: measure.Distinct2(a.Texts), Distinct2PPO: measure.Distinct2(b.Texts),
		DistinctSFT: measure.DistinctShare(a.Texts), DistinctPPO: measure.DistinctShare(b.Texts),
		LengthSFT: measure.Mean(a.Lengths), LengthPPO: measure.Mean(b.Lengths),
		VerbatimSFT: measure.VerbatimShare(a.Texts, known), VerbatimPPO: measure.VerbatimShare(b.Texts, known),
	}
	var err error
	if out.KL, err = c.KL(ctx, sft, b); err != nil {
		return out, both, err
	}
	if out.LossSFT, err = measure.HeldOutLoss(ctx, c.Dev, sft, held); err != nil {
		return out, both, err
	}
	out.LossPPO, err = measure.HeldOutLoss(ctx, c.Dev, ppo, held)
	return out, both, err
}
