// Package ppo fine-tunes a policy against a reward model by proximal policy
// optimisation, as Ouyang et al. 2022 (InstructGPT, arXiv:2203.02155,
// section 3.5 and appendix C.4) describe it.
//
// Start with update.go: one iteration, in the order of the paper. Each step is in
// the file named after it:
//
//	trainer.go     the networks of a run; sampling and scoring
//	rollout.go     one iteration's experience, score.go its rewards, combine.go several rewards as one
//	kl.go          per-token KL estimators and the coefficient's controllers
//	reward.go      the reward of each token: score at the end, KL everywhere
//	estimator.go   where advantages come from: PPO's critic, or RLOO's and GRPO's groups
//	ends.go        the score behind the last token instead of on it
//	advantages.go  generalised advantage estimation
//	whiten.go      whitening of advantages and rewards
//	minibatch.go   what one optimizer step learns from, mix.go its pretraining text
//	actor.go       the policy's training program, critic.go the value function's
//	graphs.go      clipped losses as the device computes them, loss.go as one reads them
//	aggregate.go   how token losses become one number
//	schedule.go    learning rate;  ema.go  average of the policy's weights
//	best.go        early stopping by a judge; guard.go what stops a run, package guard what warns
//	metrics.go     every logged number: formula, unit, healthy range
//	bestofn.go     the best of n samples, bestofcurve.go the curve that PPO is compared with
//	train.go       the run directory around it all, state.go what a checkpoint holds
//
// Sequences are ragged: a batch of responses is one flat slice of tokens plus
// lengths, there is no padding and so no mask.
package ppo
