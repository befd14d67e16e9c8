package pipeline

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"agora/reward"
)

// Report is what quickstart found out; its JSON is quickstart --json.
type Report struct {
	Seconds float64      `json:"seconds"`
	Reward  RewardPart   `json:"reward_model"`
	Refs    Refs         `json:"references"`
	Judge   JudgePart    `json:"judge"`
	PPO     PPOPart      `json:"ppo"`
	Checks  []Check      `json:"checks"`
	Samples []SideBySide `json:"samples"`
	Chart   []ChartPoint `json:"chart"`

	// MadeFrom are the hashes of the models that the numbers were measured on, and the seed: a later
	// start keeps the numbers as long as these are the same.
	MadeFrom map[string]string `json:"made_from"`
}

// RewardPart is the reward model's accuracy on judgments that it did not learn from: of texts it saw
// in other judgments, and of texts it never saw.
type RewardPart struct {
	Accuracy          float64    `json:"accuracy"`
	CI95              [2]float64 `json:"ci95"`
	N                 int        `json:"n"`
	AccuracyNew       float64    `json:"accuracy_new_texts"`
	CI95New           [2]float64 `json:"ci95_new_texts"`
	NNew              int        `json:"n_new_texts"`
	LengthCorrelation float64    `json:"length_correlation"`
}

// Refs are what the accuracies are to be read against.
type Refs struct {
	RaterRater     float64 `json:"rater_rater"`
	OthersMajority float64 `json:"others_majority"`
	BradleyTerry   float64 `json:"bradley_terry"`
}

// JudgePart is the judge's accuracy on judgments of texts that it never saw, and of texts it saw in
// other judgments.
type JudgePart struct {
	Accuracy     float64    `json:"accuracy"`
	CI95         [2]float64 `json:"ci95"`
	N            int        `json:"n"`
	AccuracySeen float64    `json:"accuracy_seen_texts"`
	CI95Seen     [2]float64 `json:"ci95_seen_texts"`
	NSeen        int        `json:"n_seen_texts"`
}

// PPOPart compares samples of SFT and PPO on the same prompts.
type PPOPart struct {
	WinRate      float64    `json:"win_rate"`
	CI95         [2]float64 `json:"ci95"`
	N            int        `json:"n"`
	KL           float64    `json:"kl"`
	RewardSFT    float64    `json:"reward_sft"`
	RewardPPO    float64    `json:"reward_ppo"`
	JudgeSFT     float64    `json:"judge_sft"`
	JudgePPO     float64    `json:"judge_ppo"`
	Distinct2SFT float64    `json:"distinct2_sft"`
	Distinct2PPO float64    `json:"distinct2_ppo"`
	DistinctSFT  float64    `json:"distinct_samples_sft"`
	DistinctPPO  float64    `json:"distinct_samples_ppo"`
	LengthSFT    float64    `json:"length_sft"`
	LengthPPO    float64    `json:"length_ppo"`
	LossSFT      float64    `json:"lm_loss_sft"`
	LossPPO      float64    `json:"lm_loss_ppo"`
	VerbatimSFT  float64    `json:"verbatim_sft"`
	VerbatimPPO  float64    `json:"verbatim_ppo"`
}

// A Check is one bound that a healthy run keeps.
type Check struct {
	What string `json:"what"`
	OK   bool   `json:"ok"`
}

// SideBySide is one prompt with a sample of each policy.
type SideBySide struct {
	Prompt string `json:"prompt"`
	SFT    string `json:"sft"`
	PPO    string `json:"ppo"`
}

// A ChartPoint is one PPO iteration on the over-optimisation chart: how far the policy is from SFT, what the
// reward model makes of it, and what the judge does, who is never trained on.
type ChartPoint struct {
	SqrtKL float64 `json:"kl_sqrt"`
	Reward float64 `json:"reward"`
	Judge  float64 `json:"judge"`
}

// check fills in the bounds: the policy must win without collapsing.
func (r *Report) check() {
	p := r.PPO
	r.Checks = []Check{
		{fmt.Sprintf("the judge prefers PPO: win rate %.2f, interval %s above 0.5", p.WinRate, ci(p.CI95)), p.CI95[0] > .5},
		{fmt.Sprintf("no collapse: %.0f %% of the samples differ (at least 90 %%)", 100*p.DistinctPPO), p.DistinctPPO >= .9},
		{fmt.Sprintf("no stock phrases: distinct-2 is %.2f of SFT's (at least 0.80)", ratio(p.Distinct2PPO, p.Distinct2SFT)), p.Distinct2PPO >= .8*p.Distinct2SFT},
		{fmt.Sprintf("no padding: mean length is %.2f of SFT's (0.75 to 1.25)", ratio(p.LengthPPO, p.LengthSFT)), within(ratio(p.LengthPPO, p.LengthSFT), .75, 1.25)},
		{fmt.Sprintf("still knows its language: held-out loss %+.2f nats (within 0.50)", p.LossPPO-p.LossSFT), within(p.LossPPO-p.LossSFT, -.5, .5)},
	}
}

func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

func within(x, lo, hi float64) bool { return x >= lo && x <= hi }

func ci(i [2]float64) string { return fmt.Sprintf("[%.2f, %.2f]", i[0], i[1]) }

func ciOf(i reward.Interval) [2]float64 { return [2]float64{i.Lo, i.Hi} }

// judgeKnows says whether the judge is better than a coin.
func (r *Report) judgeKnows() bool { return r.Judge.CI95[0] > .5 }

// writeRewardModel prints the second part: what the reward model learned.
func (r *Report) writeRewardModel(w io.Writer) {
	fmt.Fprintf(w, `
How often each agrees with a single human judgment that it has not seen (95 %% interval):

  reward model, texts it knows from other judgments   %.3f  %s   n = %d
  reward model, texts it has never seen               %.3f  %s   n = %d
  judge, texts it has never seen                      %.3f  %s   n = %d
  for comparison: another human, same pair            %.3f
  for comparison: the majority of all others          %.3f
  for comparison: one fitted strength per text        %.3f   (Bradley–Terry; knows every text)

  The judge learned from other texts and other judgments, with another architecture and seed.
  Correlation of the reward with a text's length: %.2f (longer texts do win more often).
`,
		r.Reward.Accuracy, ci(r.Reward.CI95), r.Reward.N, r.Reward.AccuracyNew, ci(r.Reward.CI95New), r.Reward.NNew,
		r.Judge.Accuracy, ci(r.Judge.CI95), r.Judge.N, r.Refs.RaterRater, r.Refs.OthersMajority, r.Refs.BradleyTerry, r.Reward.LengthCorrelation)
}

// writePPO prints the comparison of the two policies.
func (r *Report) writePPO(w io.Writer) {
	p := r.PPO
	fmt.Fprintf(w, "\n%-34s %9s %9s\n", fmt.Sprintf("%d prompts, one sample each", p.N), "SFT", "PPO")
	for _, row := range []struct {
		name     string
		sft, ppo float64
		format   string
	}{
		{"reward", p.RewardSFT, p.RewardPPO, "%9.2f"},
		{"judge's reward", p.JudgeSFT, p.JudgePPO, "%9.2f"},
		{"length, tokens", p.LengthSFT, p.LengthPPO, "%9.1f"},
		{"distinct-2", p.Distinct2SFT, p.Distinct2PPO, "%9.2f"},
		{"distinct samples, %", 100 * p.DistinctSFT, 100 * p.DistinctPPO, "%9.1f"},
		{"word for word from training, %", 100 * p.VerbatimSFT, 100 * p.VerbatimPPO, "%9.1f"},
		{"held-out loss, nats a token", p.LossSFT, p.LossPPO, "%9.2f"},
	} {
		fmt.Fprintf(w, "  %-32s "+row.format+" "+row.format+"\n", row.name, row.sft, row.ppo)
	}
	fmt.Fprintf(w, "  %-32s %9s %9.2f\n", "KL from SFT, nats a response", "", p.KL)
	fmt.Fprintf(w, "\n  Win rate of PPO over SFT, by the judge: %.2f %s\n", p.WinRate, ci(p.CI95))
	if !r.judgeKnows() {
		fmt.Fprintf(w, "  The judge's own accuracy %s is no better than a coin: this win rate means nothing.\n", ci(r.Judge.CI95))
	}
	fmt.Fprintln(w)
	for _, c := range r.Checks {
		mark := "ok "
		if !c.OK {
			mark = "NOT"
		}
		fmt.Fprintf(w, "  %s  %s\n", mark, c.What)
	}
}

// writeSamples prints the texts; numbers are no substitute for reading them.
func (r *Report) writeSamples(w io.Writer) {
	fmt.Fprint(w, "\nThe same openings, continued by each (not selected):\n")
	for _, s := range r.Samples {
		fmt.Fprintf(w, "\n  %s …\n    SFT  %s\n    PPO  %s\n", s.Prompt, oneLine(s.SFT), oneLine(s.PPO))
	}
	fmt.Fprint(w, "\nA model this small knows no jokes. What changed from SFT to PPO is style: it moved towards\nwhat people voted for.\n")
}

// writeChart draws reward and judge against √KL (Gao et al. 2022, arXiv:2210.10760), as bars.
func (r *Report) writeChart(w io.Writer) {
	if len(r.Chart) == 0 {
		return
	}
	fmt.Fprint(w, "\nOver-optimisation watch (Gao et al. 2022): the reward may rise for ever; if the judge's bar\nshrinks while it does, the policy exploits the reward model.\n\n   √KL   reward                          judge\n")
	reward, judge := scale(r.Chart, func(c ChartPoint) float64 { return c.Reward }), scale(r.Chart, func(c ChartPoint) float64 { return c.Judge })
	step := max(1, len(r.Chart)/10)
	for i := 0; i < len(r.Chart); i += step {
		c := r.Chart[i]
		fmt.Fprintf(w, "  %4.2f  %6.2f %-20s    %6.2f %s\n", c.SqrtKL, c.Reward, bar(reward(c.Reward)), c.Judge, bar(judge(c.Judge)))
	}
}

// scale maps the values of a chart onto 0…1.
func scale(chart []ChartPoint, of func(ChartPoint) float64) func(float64) float64 {
	lo, hi := of(chart[0]), of(chart[0])
	for _, c := range chart {
		lo, hi = min(lo, of(c)), max(hi, of(c))
	}
	return func(v float64) float64 {
		if hi == lo {
			return 0
		}
		return (v - lo) / (hi - lo)
	}
}

// bar is a bar of up to 20 cells.
func bar(share float64) string { return strings.Repeat("█", 1+int(share*19+.5)) }

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// writeJSON prints the report on one line.
func (r *Report) writeJSON(w io.Writer) error { return json.NewEncoder(w).Encode(r) }
