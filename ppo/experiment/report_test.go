package experiment

import (
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"agora/ppo/guard"
	"agora/reward"
	"agora/reward/prefs"
)

// madeUp builds every report from small invented measurements, of three seeds where there are several.
var madeUp = map[string]func(r *report) error{
	"algorithms": func(r *report) error {
		var all []tried
		for k, m := range methods {
			all = append(all, tried{m.name, madeUpRuns(float64(k+1), 3)})
		}
		reportAlgorithms(r, madeUpRuns(0, 1)[0], all, madeUpRuns(4, 1)[0])
		return nil
	},
	"ptx": func(r *report) error {
		reportPtx(r, madeUpRuns(0, 1)[0], []mixed{{0, madeUpRuns(6, 3)}, {.05, madeUpRuns(5, 3)}, {.5, madeUpRuns(3, 3)}})
		return nil
	},
	"kl": func(r *report) error { return reportSweep(r, madeUpSweep(), madeUpBest()) },
	"size": func(r *report) error {
		one := func(better float64) measured { return madeUpRuns(better, 1)[0] }
		reportSize(r, sizes{280_000, 3_440_000, one(-.2), one(-.4), madeUpRuns(3, 3), one(0), one(.1), one(-.3)})
		return nil
	},
	"pluralism": func(r *report) error {
		see := func(major, minor float64) asGroupsSee {
			m := madeUpRuns(major, 1)[0]
			return asGroupsSee{Gold: map[string][]float64{tastes[0].name: m.Judge, tastes[1].name: madeUpRuns(minor, 1)[0].Judge}, KL: m.KL, Texts: m.Texts}
		}
		found := pluralResult{accuracies: "Accuracy: so and so.", questions: 64, sft: see(0, 0)}
		for k, name := range []string{"single reward model", "groups weighted alike", "mean of two heads", "max-min of two heads"} {
			found.ways = append(found.ways, way{name: name, runs: []asGroupsSee{see(4, float64(k)), see(4.2, float64(k)+.1)}})
		}
		reportPluralism(r, found)
		return nil
	},
	"folds": func(r *report) error {
		reportFolds(r, foldsResult{judgments: 18434, labelers: 2773, share: .25, seeds: 3, byLabeler: held{madeUpRates(.735, 15), madeUpRates(.734, 15)}, byTopic: held{madeUpRates(.739, 15), madeUpRates(.703, 15)},
			raters: reward.Interval{Value: .728, Lo: .717, Hi: .738, Units: 3530}, others: reward.Interval{Value: .782, Lo: .77, Hi: .79, Units: 3530}})
		reportGroups(r, []groupsResult{madeUpGroups("POPQUORN", "race", 22), madeUpGroups("LeWiDi CSC", "gender", 4)})
		return nil
	},
	"gsm8k": func(r *report) error {
		found := sumsResult{before: answers{madeUpRates(.05, 64), madeUpRates(.9, 64)}}
		for seed := range 2 {
			found.after = append(found.after, answers{madeUpRates(.12, 64), madeUpRates(.98, 64)})
			var steps [][]float64
			for i, rate := range madeUpRates(.02, 60) {
				steps = append(steps, []float64{float64(i + 1), math.Abs(rate) + .0002*float64(i*(seed+1))})
			}
			found.training = append(found.training, steps)
		}
		reportSums(r, found)
		return nil
	},
	"smollm2": func(r *report) error {
		before, after := madeUpRuns(0, 1)[0], madeUpRuns(1, 1)[0]
		metrics := map[string]float64{"eval_accuracy": .6, "eval_n": 100}
		reportSmol(r, smolResult{replies{Gold: before.Judge, Reward: before.Reward, Texts: before.Texts}, replies{Gold: after.Judge, Reward: after.Reward, Texts: after.Texts, KL: 1},
			[2]map[string]float64{metrics, metrics}, [][]float64{{-.3, -.7}, {-.2, -.68}, {-.1, -.69}}})
		return nil
	},
}

// madeUpRuns are samples of so many seeds that a judge likes by so much, and that lie farther from SFT the
// better they are liked.
func madeUpRuns(better float64, seeds int) []measured {
	var out []measured
	for seed := range seeds {
		rng := rand.New(rand.NewPCG(uint64(seed), uint64(100+10*better)))
		m := measured{KL: math.Abs(better) + .3*rng.Float64(), Length: 12, Distinct: .7, Loss: 4.08 + .1*better + .02*rng.Float64(), Texts: []string{"a text"}}
		for range 64 {
			m.Judge, m.Reward = append(m.Judge, rng.NormFloat64()+.2*better), append(m.Reward, rng.NormFloat64()+.3*better)
		}
		out = append(out, m)
	}
	return out
}

func madeUpRates(mean float64, n int) []float64 {
	rng := rand.New(rand.NewPCG(1, uint64(1000*mean)))
	var out []float64
	for range n {
		out = append(out, mean+.01*rng.NormFloat64())
	}
	return out
}

// madeUpSweep has a judge whose gain peaks and falls in every seed without penalty.
func madeUpSweep() []sweepRun {
	var out []sweepRun
	curve := guard.OverFit{Alpha: 1, Beta: .6}
	for _, of := range []struct {
		coef float64
		seed int
	}{{0, 0}, {0, 1}, {0, 2}, {.05, 0}, {.15, 0}, {.5, 0}} {
		s := sweepRun{coef: of.coef, seed: of.seed}
		for d := .1; d < 5/(1+4*of.coef); d += .1 {
			s.judge = append(s.judge, guard.Gain{D: d, Gain: curve.At(d) + .01*float64(of.seed)})
			s.reward = append(s.reward, guard.Gain{D: d, Gain: d / 2})
			if s.best.Gain < curve.At(d) {
				s.best = s.judge[len(s.judge)-1]
			}
		}
		s.last, s.lastRew = s.judge[len(s.judge)-1], s.reward[len(s.reward)-1].Gain
		s.kl = s.last.D * s.last.D
		out = append(out, s)
	}
	return out
}

func madeUpBest() []bestOf {
	return []bestOf{{1, 0, 0, 0}, {2, .19, .2, .19}, {4, .64, .4, .36}, {8, 1.2, .55, .46}}
}

func madeUpGroups(name, by string, groups int) groupsResult {
	g := groupsResult{set: marked{name: name, what: "which of two is more so", by: by, train: make([]*prefs.Ranked, 80), test: make([]*prefs.Ranked, 20)}}
	for k, loss := range []string{"every comparison alike", "robust loss, by " + by, "a head for each " + by} {
		r := &reward.Report{N: 100 * groups, Accuracy: .75, CI95: [2]float64{.7, .8}, ByGroup: map[string]reward.Part{}, WorstGroup: by + "=group a"}
		for i := range groups {
			at := .6 + .25*float64(i)/float64(groups) + .01*float64(k)
			r.ByGroup[by+"=group "+string(rune('a'+i))] = reward.Part{N: 100, Accuracy: at, CI95: [2]float64{at - .08, at + .08}}
		}
		r.ByGroup[by+"=too few"] = reward.Part{N: fewest - 1, Accuracy: .1}
		g.losses, g.reports = append(g.losses, loss), append(g.reports, r)
	}
	return g
}

var linked = regexp.MustCompile(`!\[[^\]]+\]\(([^)]+\.svg)\)`)

// Every experiment's report links charts, and they lie beside it. With AGORA_REPORTS=DIR they stay there
// to be looked at.
func TestEveryReportHasCharts(t *testing.T) {
	dir := os.Getenv("AGORA_REPORTS")
	if dir == "" {
		dir = t.TempDir()
	}
	for _, e := range experiments {
		build, ok := madeUp[e.name]
		if !ok {
			t.Errorf("%s has no made-up measurements here", e.name)
			continue
		}
		r := newReport(e.name, e.title, e.claim)
		if err := build(r); err != nil {
			t.Fatalf("%s: %v", e.name, err)
		}
		if err := r.write(filepath.Join(dir, e.name)); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(dir, e.name, "report.md"))
		if err != nil {
			t.Fatal(err)
		}
		charts := linked.FindAllStringSubmatch(string(text), -1)
		if len(charts) == 0 {
			t.Errorf("%s: no chart is linked", e.name)
		}
		for _, c := range charts {
			svg, err := os.ReadFile(filepath.Join(dir, e.name, c[1]))
			if err != nil || !strings.Contains(string(svg), "<circle") || strings.Contains(string(svg), "NaN") {
				t.Errorf("%s: %s: %v, or it shows nothing", e.name, c[1], err)
			}
		}
		if r.Verdict == "" || strings.Contains(string(text), "%!") || strings.Contains(string(text), "NaN") {
			t.Errorf("%s: no verdict, or a number is missing:\n%s", e.name, text)
		}
	}
}

// One seed whose judge goes on rising is enough for the claim not to hold.
func TestEverySeedIsJudged(t *testing.T) {
	for _, rising := range []bool{false, true} {
		runs := madeUpSweep()
		if rising {
			runs[1].best = runs[1].last
		}
		r := newReport("kl", "", "")
		if err := reportSweep(r, runs, madeUpBest()); err != nil {
			t.Fatal(err)
		}
		if r.Holds == rising || !strings.Contains(r.Verdict, map[bool]string{true: "2 of 3 seeds", false: "3 of 3 seeds"}[rising]) {
			t.Errorf("rising %t: %t, %s", rising, r.Holds, r.Verdict)
		}
	}
}

func TestInOrder(t *testing.T) {
	runs := []sweepRun{{coef: 0, kl: 5}, {coef: 0, seed: 1, kl: 9}, {coef: .1, kl: 6}, {coef: .5, kl: 2}}
	if !inOrder(runs) { // 5 and 9 are 7 in the mean
		t.Error("7, 6, 2 do not fall")
	}
	if runs[3].kl = 6; inOrder(runs) {
		t.Error("7, 6, 6 fall")
	}
}

// The worst group stands first, small ones are left out.
func TestGroupsChart(t *testing.T) {
	c := madeUpGroups("set", "race", 3).chart()
	if got := strings.Join(c.Rows, "; "); got != "all (300); race=group a (100); race=group b (100); race=group c (100)" {
		t.Error(got)
	}
}
