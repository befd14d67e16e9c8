// Package pipeline is the wiring between the site's database and the trainers. It is the only
// package, besides main, that may import both; it never sees gin or templ.
//
//	job.go         what a queued run asks for, and where its files lie
//	worker.go      claims runs by lease and heartbeat, trains in process, stops and resumes
//	sink.go        carries metrics and samples to the database, at most once a second
//	stages.go      SFT, reward model and PPO behind one signature
//	export.go      a project's answers as ranked/1, its prompts as prompt/1
//	quickstart.go  the whole loop on bundled human judgments, stage by stage; recipe.go has its settings,
//	               stage.go keeps finished stages, evaluate.go and compare.go measure, report.go prints
//
// # Runs
//
// A run's config is a flat JSON object with the keys that `agora config schema KIND` lists. Its inputs
// are a JSON object name → {"path"}: sft and reward need "policy", ppo needs "policy" and "reward" and
// takes "judge" and "pretrain"; "data" (sft, reward) and "prompts" (ppo) default to the project's own
// demonstrations, answers and prompts. When a run is done its result holds "checkpoint", a directory that later
// runs take as input.
package pipeline
