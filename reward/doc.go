// Package reward learns a scalar reward from people's rankings, as InstructGPT
// does (Ouyang et al. 2022, arXiv:2203.02155, sections 3.5 and appendix C.2).
//
//	kwise.go          the loss: every pair of a ranking, each text forwarded once
//	plackettluce.go   the loss of whole orders instead;  margin.go  how much better
//	penalty.go        scores held near 0 while they are learned
//	presets.go        the settings of published runs
//	exec.go           rewards that a program computes
//	group.go          rankings → the units of training; votes become soft labels, ties
//	encode.go         prompt and completion → tokens
//	split.go          training and validation share no prompt and no labeler
//	train.go          the run: data, model, graph; steps.go its steps, finish.go centring and measuring
//	model.go          a policy's trunk with a scalar head; load and save
//	score.go          rewards of token sequences, the same bits in any batch
//	evaluate.go       accuracy with a labeler-clustered interval, by group, margin, length
//	calibration.go    how sure the model is against how often it is right
//	comparison.go     the votes on a pair;  bradleyterry.go  one strength per text
//	agreement.go      rater against rater, and against the majority; references.go puts both beside accuracies
//	text.go           reports for people
//
// A checkpoint is a directory that transformers loads with
// AutoModelForSequenceClassification: config.json, the trunk and the head as two
// safetensors shards, the tokenizer, and agora.json with parents, data and
// settings by hash. transformers' head has no bias: add the tensor score.bias to
// its logits to get the scores that average 0 on demonstrations. It names no
// padding token, so transformers scores one sequence at a time (see
// classifierConfig for why).
//
// The records and public formats are in reward/prefs.
package reward
