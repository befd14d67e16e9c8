package pipeline

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"agora/db"
	"agora/policy"
)

// Kinds of runs that a worker trains.
const (
	KindPretrain = "pretrain"
	KindSFT      = "sft"
	KindReward   = "reward"
	KindPPO      = "ppo"
	KindRLOO     = "rloo"
	KindGRPO     = "grpo"
	KindDPO      = "dpo"
	KindScore    = "score" // trains nothing: which texts of the project a model prefers
)

var kinds = []string{KindPretrain, KindSFT, KindReward, KindPPO, KindRLOO, KindGRPO, KindDPO, KindScore}

// An Input is a file or checkpoint directory that a run reads.
type Input struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256,omitempty"` // filled in by the worker
}

// A Job is a claimed run, decoded: what to train, from what, into which directory.
type Job struct {
	RunID   int64
	Kind    string
	Project int64 // 0: none
	Config  map[string]any
	Inputs  map[string]Input
	Dir     string
	Resume  bool // Dir may hold a checkpoint of an earlier attempt
}

// jobOf decodes a run; the message names the field that is wrong.
func jobOf(run db.Run, runsDir string) (Job, error) {
	j := Job{RunID: run.ID, Kind: run.Kind, Project: run.ProjectID, Dir: run.Dir, Resume: run.Attempt > 1}
	if !slices.Contains(kinds, run.Kind) {
		return j, fmt.Errorf("kind %q is none of %s", run.Kind, strings.Join(kinds, ", "))
	}
	if err := json.Unmarshal([]byte(run.Config), &j.Config); err != nil {
		return j, fmt.Errorf("config: %w", err)
	}
	if err := json.Unmarshal([]byte(run.Inputs), &j.Inputs); err != nil {
		return j, fmt.Errorf("inputs: %w", err)
	}
	if j.Inputs == nil {
		j.Inputs = map[string]Input{}
	}
	if j.Dir == "" {
		j.Dir = filepath.Join(runsDir, fmt.Sprintf("%s-%d", run.Kind, run.ID))
	}
	for _, name := range required(run.Kind) {
		in, ok := j.Inputs[name]
		if !ok || in.Path == "" {
			return j, fmt.Errorf("a %s run needs the input %q", run.Kind, name)
		}
	}
	for name, in := range j.Inputs {
		if in.Path == "" {
			continue
		}
		if _, err := os.Stat(in.Path); err != nil {
			return j, fmt.Errorf("input %s: %w", name, err)
		}
	}
	return j, nil
}

func required(kind string) []string {
	switch kind {
	case KindPretrain:
		return []string{"data"}
	case KindPPO, KindRLOO, KindGRPO:
		return []string{"policy", "reward"}
	case KindScore:
		return []string{"model"}
	}
	return []string{"policy"}
}

// sets are the config for policy.LoadConfig.
func (j Job) sets() []string { return policy.Sets(j.Config) }
