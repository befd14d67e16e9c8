package labeler

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// studyLines are 14 labelers' rankings of three policies on 20 prompts: ppo is best for women, worst
// for men; w13 always prefers what is shown first, fast. Everybody flags the second text on even prompts.
func studyLines() string {
	rng := rand.New(rand.NewPCG(1, 2))
	var b strings.Builder
	for p := range 20 {
		for w := range 14 {
			gender, order := "woman", []string{"ppo", "sft", "base"}
			if w >= 7 {
				gender, order = "man", []string{"sft", "base", "ppo"}
			}
			if rng.Float64() < .2 {
				order[0], order[1] = order[1], order[0]
			}
			shown, seconds := rng.Perm(3), 20+rng.IntN(20)
			rank := map[string]int{}
			for i, policy := range order {
				rank[policy] = i + 1
			}
			policies := []string{"ppo", "sft", "base"}
			if w == 13 {
				seconds = 3
				for i, s := range shown {
					rank[policies[s]] = i + 1
				}
			}
			flags := ""
			if p%2 == 0 {
				flags = `"hallucination"`
			}
			fmt.Fprintf(&b, `{"schema":"ranked/1","prompt_id":"p%d","prompt":"q%d","completions":[{"id":"c0","text":"a%d","policy":"ppo"},{"id":"c1","text":"b%d","policy":"sft"},{"id":"c2","text":"c%d","policy":"base"}],`+
				`"ranks":[%d,%d,%d],"shown_order":["c%d","c%d","c%d"],"ratings":[{"id":"c0","overall":%d,"flags":[]},{"id":"c1","overall":4,"flags":[%s]}],"worker":"w%d","groups":{"gender":"%s"},"active_ms":%d}`+"\n",
				p, p, p, p, p, rank["ppo"], rank["sft"], rank["base"], shown[0], shown[1], shown[2], 4+p%3, flags, w, gender, seconds*1000)
		}
	}
	return b.String()
}

func study(t *testing.T) Judgements {
	t.Helper()
	file := filepath.Join(t.TempDir(), "study.jsonl")
	if err := os.WriteFile(file, []byte(studyLines()), 0o600); err != nil {
		t.Fatal(err)
	}
	return Judgements{Data: []string{file}, Format: "auto"}
}

var quick = Resampling{Resamples: 100, Seed: 1}

func agreementOf(t *testing.T, cmd StatsAgreementCmd) *agreementJSON {
	t.Helper()
	in, err := cmd.gather(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.report(in)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestStatsAgreement(t *testing.T) {
	cmd := StatsAgreementCmd{Judgements: study(t), Resampling: quick, On: onPairs, Ties: tiesOutcome, Labelers: true, MinShared: 1}
	out := agreementOf(t, cmd)
	if out.Items != 20 || out.Units != 60 || out.Answers != 280 || out.Labelers != 14 || out.Pairs != 60*14*13/2 || len(out.Cohen) != 14*13/2 {
		t.Errorf("counts: %+v", out)
	}
	if out.CIBy != "labeler" || out.CI.Pairwise == nil || out.CI.Pairwise[0] > out.Pairwise || out.CI.Pairwise[1] < out.Pairwise {
		t.Errorf("interval %v around %v", out.CI.Pairwise, out.Pairwise)
	}
	for _, p := range out.People {
		if careless := p.Labeler == "w13"; careless != (p.Side.Q < .01) || careless != (p.Seconds.Against < .5) {
			t.Errorf("%s: side %+v, seconds %+v", p.Labeler, p.Side, p.Seconds)
		}
	}
	// every pair both ways: expected agreement is ½ without ties, so α is 2·agreement − 1 (up to n/(n−1))
	if want := 2*out.Pairwise - 1; math.Abs(float64(out.OrderFree.Nominal-want)) > .002 || out.OrderFree.CI == nil {
		t.Errorf("order-free α %v, want %v", out.OrderFree, want)
	}
	cmd.On = onFlags
	out = agreementOf(t, cmd)
	if f := out.Flags["hallucination"]; f == nil || f.Given != 140 || f.N != 560 || f.Alpha != 1 || out.People[0].Trust.MACE < .9 {
		t.Errorf("flags: %+v", out.Flags)
	}
	cmd.On = onRatings
	if out = agreementOf(t, cmd); out.Units != 40 || out.Alpha.Interval != 1 {
		t.Errorf("ratings: %+v", out)
	}
}

// TestStatsOnePrompt: with one question for all pairs, the pairs are what is resampled.
func TestStatsOnePrompt(t *testing.T) {
	var b strings.Builder
	for p := range 12 {
		for w := range 2 {
			fmt.Fprintf(&b, `{"prompt":"Funnier?","chosen":"x%d","rejected":"y%d","worker":"w%d"}`+"\n", p, p, w)
		}
	}
	file := filepath.Join(t.TempDir(), "one.jsonl")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	out := agreementOf(t, StatsAgreementCmd{Judgements: Judgements{Data: []string{file}}, Resampling: quick, On: onPairs, Ties: tiesOutcome})
	if out.Items != 12 || out.Units != 12 || out.CIBy != "item" || out.Pairwise != 1 {
		t.Errorf("%+v", out)
	}
}

// TestStatsTies: of the three people's verdicts better, equal, equal one pair in three agrees.
func TestStatsTies(t *testing.T) {
	line := `{"schema":"ranked/1","prompt_id":"p","prompt":"q","completions":[{"id":"1","text":"a"},{"id":"2","text":"b"}],"ranks":%s,"worker":"%s"}` + "\n"
	file := filepath.Join(t.TempDir(), "ties.jsonl")
	text := fmt.Sprintf(line+line+line, "[1,2]", "a", "[1,1]", "b", "[1,1]", "c")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for ties, want := range map[string]figure{tiesOutcome: 1. / 3, tiesHalf: 2. / 3} {
		out := agreementOf(t, StatsAgreementCmd{Judgements: Judgements{Data: []string{file}}, Resampling: quick, On: onPairs, Ties: ties})
		if d := out.Pairwise - want; d > 1e-12 || d < -1e-12 || out.Ties == "" || out.CI.Pairwise != nil {
			t.Errorf("%s: %v, want %v; %q %v", ties, out.Pairwise, want, out.Ties, out.CI.Pairwise)
		}
	}
	out := agreementOf(t, StatsAgreementCmd{Judgements: Judgements{Data: []string{file}}, Resampling: quick, On: onPairs, Ties: tiesDrop})
	if b, err := json.Marshal(out); err != nil || !strings.Contains(string(b), `"pairwise_agreement":null`) {
		t.Errorf("dropped: %s %v", b, err)
	}
}

// Pair files list the preferred text first. If that were taken for "the first text", the verdicts of two
// people who disagree would look like one person's bias and agreement would depend on the file's order.
func TestStatsPairsWithoutOrder(t *testing.T) {
	var b strings.Builder
	for p := range 40 {
		texts := [2]string{fmt.Sprint("x", p), fmt.Sprint("y", p)}
		for w, flip := range []int{p % 2, p % 2, (p / 2) % 2} {
			fmt.Fprintf(&b, `{"prompt":"q%d","chosen":"%s","rejected":"%s","worker":"w%d"}`+"\n", p, texts[flip], texts[1-flip], w)
		}
	}
	file := filepath.Join(t.TempDir(), "pairs.jsonl")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	out := agreementOf(t, StatsAgreementCmd{Judgements: Judgements{Data: []string{file}}, Resampling: quick, On: onPairs, Ties: tiesOutcome, MinShared: 1})
	for _, k := range out.Cohen {
		want := figure(0) // w2 answers without regard to w0 and w1
		if k.A+k.B == "w0w1" {
			want = 1
		}
		if k.Kappa < want-.25 || k.Kappa > want+.25 {
			t.Errorf("%s–%s: κ %v, want about %v", k.A, k.B, k.Kappa, want)
		}
	}
}

func TestStatsLeaderboard(t *testing.T) {
	out, err := runCommand(t, StatsLeaderboardCmd{Judgements: study(t), Resampling: quick, Ties: "half", Baseline: "sft", By: "gender", JSON: true})
	if err != nil {
		t.Fatal(err)
	}
	first := map[string]string{} // group → best policy
	for line := range strings.Lines(out) {
		var s standingJSON
		if err := json.Unmarshal([]byte(line), &s); err != nil {
			t.Fatal(err)
		}
		group := ""
		if s.Group != nil {
			group = s.Group.Value
		}
		if first[group] == "" {
			first[group] = s.Policy
		}
		if s.RankUB < 1 || s.CI == nil || s.CI[0] > s.Score || s.CI[1] < s.Score || (s.WinCI == nil) != (s.Policy == "sft") {
			t.Errorf("%+v", s)
		}
		if s.Group == nil && (s.N != 20*14*2 || s.CIBy != "labeler") {
			t.Errorf("%+v", s)
		}
	}
	if first["woman"] != "ppo" || first["man"] != "sft" {
		t.Errorf("best %v", first)
	}
}

func TestStatsDiversity(t *testing.T) {
	out := jsonOf[diversityJSON](t, StatsDiversityCmd{Judgements: study(t), Resampling: quick, By: "gender", Top: 3, Cap: 5,
		Target: map[string]string{"gender": "woman:0.75,man:0.25"}, JSON: true})
	if out.Labelers != 14 || out.Answers != 280 || out.Pool["gender"].Values["woman"] != 7 {
		t.Errorf("%+v", out)
	}
	if w := out.Weights; w == nil || w.Effective < 11.19 || w.Effective > 11.21 { // 14²/(7·1.5²+7·0.5²) = 11.2
		t.Errorf("weights %+v", w)
	}
	if len(out.Differences) != 3 || out.Tested != 60 || out.Differences[0].Q > .05 || out.Differences[0].First != "c0" {
		t.Errorf("differences %+v", out.Differences)
	}
}

func TestStatsCurve(t *testing.T) {
	out, err := runCommand(t, StatsCurveCmd{Judgements: study(t), Resampling: quick, On: onPairs, Most: 3, JSON: true})
	if err != nil || strings.Count(out, "\n") != 3 {
		t.Fatal(out, err)
	}
	var p pointJSON
	if err := json.Unmarshal([]byte(strings.SplitN(out, "\n", 2)[0]), &p); err != nil {
		t.Fatal(err)
	}
	whole := agreementOf(t, StatsAgreementCmd{Judgements: study(t), Resampling: quick, On: onPairs, Ties: tiesOutcome})
	if p.Labelers != 1 || p.N != 60 || math.Abs(float64(p.Agreement-whole.Pairwise)) > .05 { // one predicts one: agreement
		t.Errorf("%+v, pairwise agreement %v", p, whole.Pairwise)
	}
}

func TestStatsLabelTable(t *testing.T) {
	dir := t.TempDir()
	write := func(text string) string {
		file := filepath.Join(dir, fmt.Sprint(len(text), ".csv"))
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	good := write("task,worker,label\n1,a,yes\n1,b,yes\n2,a,no\n2,b,yes\n3,a,\n3,b,no\n")
	out := agreementOf(t, StatsAgreementCmd{Labels: good, Resampling: quick, On: onPairs, Ties: tiesOutcome, MinShared: 1})
	if out.Items != 3 || out.Shared != 2 || out.Pairwise != .5 || !math.IsNaN(float64(out.Alpha.Interval)) {
		t.Errorf("%+v", out)
	}
	for want, text := range map[string]string{
		"names no column labeler": "task,who,label\n1,a,2\n",
		"is empty":                "",
		"wrong number of fields":  "item,labeler,value\n1,a\n",
	} {
		_, err := StatsAgreementCmd{Labels: write(text)}.gather(t.Context())
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestStatsBadInput(t *testing.T) {
	in := study(t)
	for want, cmd := range map[string]command{
		"--on is":           StatsAgreementCmd{Judgements: in, Resampling: quick, On: "moods", Ties: tiesOutcome},
		"--ties is":         StatsLeaderboardCmd{Judgements: in, Resampling: quick, Ties: "never"},
		"--resamples is 1;": StatsLeaderboardCmd{Judgements: in, Resampling: Resampling{Resamples: 1}, Ties: "half"},
		"name the answers":  StatsLeaderboardCmd{Resampling: quick, Ties: "half"},
		"compared nowhere":  StatsLeaderboardCmd{Judgements: in, Resampling: quick, Ties: "half", Baseline: "gpt"},
		"no labeler has":    StatsLeaderboardCmd{Judgements: in, Resampling: quick, Ties: "half", By: "height"},
		"VALUE:SHARE":       StatsDiversityCmd{Judgements: in, Resampling: quick, Target: map[string]string{"gender": "woman"}},
		"not to 1":          StatsDiversityCmd{Judgements: in, Resampling: quick, Target: map[string]string{"gender": "woman:0.5"}},
		"stands for itself": StatsAgreementCmd{Judgements: Judgements{Data: in.Data, Project: "x"}, Resampling: quick, On: onPairs, Ties: tiesOutcome},
	} {
		if out, err := runCommand(t, cmd); err == nil || !strings.Contains(err.Error(), want) || out != "" {
			t.Errorf("want %q: %v, printed %q", want, err, out)
		}
	}
}

// TestStatsStops: Ctrl-C ends a bootstrap at once.
func TestStatsStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	stuck := make(chan struct{})
	defer close(stuck)
	cancel()
	if _, err := interruptible(ctx, func() (int, error) { <-stuck; return 0, nil }); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
