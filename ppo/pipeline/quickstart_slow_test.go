//go:build slow

package pipeline

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"
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
