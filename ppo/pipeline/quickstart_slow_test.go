//go:build slow

package pipeline

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"agora/policy"
)

// The real thing, as a person would start it: the policy must win without collapsing, for several
// seeds. About five minutes a seed on two idle cores.
func TestQuickstartKeepsItsBounds(t *testing.T) {
	for _, seed := range []int{0, 1, 2} {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			q, err := (&QuickstartCmd{Dir: t.TempDir(), Seed: seed, NoServe: true}).open(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer q.store.Close()
			var out bytes.Buffer
			q.out = &out
			began := time.Now()
			report, err := q.loop(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%s\n%s", time.Since(began), out.String())
			for _, c := range report.Checks {
				if !c.OK {
					t.Errorf("NOT %s", c.What)
				}
			}
			if !report.judgeKnows() || report.Reward.CI95New[0] <= .5 {
				t.Errorf("reward model %+v, judge %+v", report.Reward, report.Judge)
			}
			if strings.Contains(out.String(), "NaN") {
				t.Error("NaN in the output")
			}
		})
	}
}

// The loop on SmolLM2-135M by LoRA, with budgets so small that it takes minutes: every stage runs, and the
// report has its numbers. AGORA_TESTDATA/models holds the model.
func TestQuickstartOnSmolLM2(t *testing.T) {
	root := os.Getenv("AGORA_TESTDATA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared")
	}
	gguf := filepath.Join(root, "models", "SmolLM2-135M-Instruct.Q4_1.gguf")
	if _, err := os.Stat(gguf); err != nil {
		t.Skip(err)
	}
	q, out := openTiny(t, t.TempDir())
	q.cmd.FromScratch, q.cmd.Model, q.evalPrompts, q.evalJudgments = false, "smollm2-135m-instruct", 8, 24
	q.cmd.Pull = func(_ context.Context, _, dir string) error {
		_, err := policy.Import(gguf, dir, nil)
		return err
	}
	q.shrink = func(s stage) stage {
		s = tiny(t, q, s)
		if path := s.inputs["data"]; strings.HasSuffix(path, ".jsonl") {
			s.inputs["data"] = head(t, path, 40)
		}
		switch s.kind {
		case KindPPO:
			s.config["iterations"], s.config["episodes"], s.config["score_samples"], s.config["max_new_tokens"] = 1, 4, 4, 8
		case KindReward, KindSFT:
			s.config["epochs"], s.config["validation"] = .2, .1
			if s.kind == KindReward {
				delete(s.config, "validation")
			}
		}
		return s
	}
	report, err := q.loop(t.Context())
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Log(out)
	if !q.large || report.PPO.N != 8 || report.PPO.LossSFT <= 0 || len(report.Samples) == 0 {
		t.Errorf("report %+v", report)
	}
}
