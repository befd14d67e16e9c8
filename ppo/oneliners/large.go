package oneliners

// The recipe for a pretrained model of a hundred million parameters or more, on top of quickstart's: it
// trains low-rank changes (LoRA), sees less data, and takes one step from each rollout half. No pretraining
// text is mixed in: the adapter moves the model too little to forget its language.

// largeLoRA is what all its stages train.
var largeLoRA = Settings{"lora_rank": 16, "lora_alpha": 16, "dropout": 0.}

// LargeSFT fine-tunes in one pass. Openings are continued as plain text, whatever chat template the model has.
var LargeSFT = largeLoRA.With(Settings{"template": "plain", "epochs": 1, "learning_rate": 5e-4})

// LargeReward learns from half of the judgments.
var LargeReward = largeLoRA.With(Settings{"epochs": .5, "learning_rate": 2e-4})

// LargePPO is 20 iterations of 64 responses.
var LargePPO = func() Settings {
	s := largeLoRA.With(Settings{"episodes": 64, "epochs": 1, "minibatches": 2, "score_samples": 128, "learning_rate": 2e-4,
		"value_learning_rate": 5e-4, "kl_coef": .05, "ptx_coef": 0., "checkpoint_every": 5})
	delete(s, "dropout") // which PPO has not
	return s
}()
