package dpo

import "agora/ppo"

// Metrics lists what a step logs beside lr, grad_norm and tokens, under TRL's names.
// r is the reward that the policy stands for, β·(log π − log π₀) of a text; means are
// over pairs. On held-out pairs the same numbers carry the prefix eval_; where two people or more judged some of
// those, how far they agree stands beside.
var Metrics = []ppo.Metric{
	{Name: "loss/train", Formula: "mean loss of the step's pairs", Unit: "", Healthy: "falls from ln 2 = 0.693 (ipo: 1/(4β²), hinge: 1)",
		Trouble: "rises: learning_rate too high"},
	{Name: "loss/validation", Formula: "mean loss of the held-out pairs", Unit: "", Healthy: "falls, then levels off",
		Trouble: "rises while loss/train falls: overfitting; fewer epochs, or select_best"},
	{Name: "rewards/chosen", Formula: "mean r of the better texts", Unit: "nats · β", Healthy: "around 0 or above",
		Trouble: "far below 0: even good texts become unlikely; raise beta or lower learning_rate"},
	{Name: "rewards/rejected", Formula: "mean r of the worse texts", Unit: "nats · β", Healthy: "falls below 0", Trouble: ""},
	{Name: "rewards/margins", Formula: "rewards/chosen − rewards/rejected", Unit: "nats · β", Healthy: "exactly 0 in step 1, then rises",
		Trouble: "not 0 in step 1: the reference is not the policy"},
	{Name: "rewards/accuracies", Formula: "share of pairs with r(chosen) > r(rejected)", Unit: "0 … 1", Healthy: "0 in step 1 (all equal), then above 0.5",
		Trouble: "near 1 in training and near 0.5 held out: overfitting"},
	{Name: "logps/chosen", Formula: "mean log π of the better texts", Unit: "nats per text", Healthy: "steady", Trouble: "falls steeply: see rewards/chosen"},
	{Name: "logps/rejected", Formula: "mean log π of the worse texts", Unit: "nats per text", Healthy: "falls", Trouble: ""},
	{Name: "eval_rater_agreement", Formula: "how often two people who judged a held-out pair agree", Unit: "0 … 1", Healthy: "constant; eval_rewards/accuracies comes near it or above",
		Trouble: "near 0.5: people do not agree, and there is little to learn"},
	{Name: "eval_others_majority", Formula: "how often a held-out judgment is what the majority of the other people said", Unit: "0 … 1", Healthy: "constant; about the most that eval_rewards/accuracies can reach",
		Trouble: ""},
	{Name: "eval_rater_pairs", Formula: "held-out pairs that two people or more judged", Unit: "pairs", Healthy: "constant", Trouble: "few: the two numbers above say little"},
}
