// Package dpo fine-tunes a policy on preferences directly, without a reward model
// (direct preference optimisation, Rafailov et al. 2023, arXiv:2305.18290). It
// learns from the same records as a reward model and leaves the same kind of
// checkpoint as PPO.
//
//	loss.go    the losses of one pair in plain Go, and their graph
//	pairs.go   rankings → pairs of token sequences; the reference's log-probabilities, computed once
//	learner.go a training step, an evaluation
//	tally.go   what steps report, metrics.go what it means
//	train.go   the run;  config.go its settings;  cmd.go the command
package dpo
