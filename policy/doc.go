// Package policy is the dense text policy: Llama- and GPT-2-style models from one Config, training
// from scratch and on demonstrations, sampling with a key-value cache, scoring, and checkpoints that
// Hugging Face transformers loads.
//
// The parts, each in the file of its name:
//
//	Config, Model    the architecture; weights, tokenizer and template together; Load and Save
//	Import, LoadGGUF pretrained models of others, from GGUF files and Hugging Face directories;
//	                 Model.WriteGGUF is the way out to llama.cpp, Save the one to transformers
//	LoRA, Adapter    low-rank changes of frozen weights, in training, merged, and in PEFT's files
//	LoadFrozen       weights that are only read stay in their file; CheckMemory before training
//	Model.Hidden     traces the transformer into a graph; everything else is built on it
//	Batch            sequences laid one after another as a token stream, with the rows that count
//	Scorer, Sampler  log-probabilities of given tokens; new tokens with theirs. Both agree with the
//	                 training forward bit for bit in float32, and neither depends on the batch
//	Optimizer        AdamW with a schedule, saved and restored bit for bit
//	Fit              SFT's loop for a loss that a package above brings (ppo/dpo)
//	RunDir, Sink     what a training run leaves behind: run.json, metrics.jsonl, samples.jsonl and
//	                 a checkpoint that appears whole or not at all
//	MuP              how learning rates carry over from a small width to a large one
//	Trial            pretraining in memory, for experiments of many short runs (package scale)
//	LoadConfig       flat settings structs from TOML and key=value
package policy
