// Package ppo fine-tunes a policy against a reward model by proximal policy
// optimisation, as Ouyang et al. 2022 (InstructGPT, arXiv:2203.02155,
// section 3.5 and appendix C.4) describe it.
//
// Start with update.go: one iteration, in the order of the paper. Each step is
// a small function in the file named after it:
//
//	rollout.go     sample responses, score them, estimate values
//	kl.go          per-token KL estimators and the coefficient's controllers
//	reward.go      the reward of each token: score at the end, KL everywhere
//	advantages.go  generalised advantage estimation
//	whiten.go      whitening of advantages and rewards
//	loss.go        clipped policy and value losses, plain Go twins of graphs.go
//	aggregate.go   how token losses become one number
//	schedule.go    learning rate;  ema.go  average of the policy's weights
//	metrics.go     every logged number: formula, unit, healthy range
//	guard.go       what stops a run, what warns
//
// Sequences are ragged: a batch of responses is one flat slice of tokens plus
// lengths, there is no padding and so no mask.
package ppo
