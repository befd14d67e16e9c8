package oneliners

import (
	"strings"
	"testing"

	"agora/policy/base"
)

func TestOpen(t *testing.T) {
	for _, c := range []struct {
		text          base.Text
		opening, rest string
	}{
		{base.Text{ID: 1, Text: "Old bakers never die, they just rise."}, "Old bakers never", " die, they just rise."},
		{base.Text{ID: 2, Text: "Old bakers never die, they just rise."}, "Old bakers", " never die, they just rise."},
		{base.Text{ID: 3, Text: "Time will tell."}, "Time will", " tell."},
		{base.Text{ID: 4, Text: "Never mind."}, "", ""},
	} {
		if s, _ := open(c.text); s.Opening != c.opening || s.Rest != c.rest {
			t.Errorf("%q is cut into %q and %q", c.text.Text, s.Opening, s.Rest)
		}
	}
}

// The references that quickstart prints are close to those that were measured before (0.60 and 0.66).
func TestReferences(t *testing.T) {
	raters, others, bt := References(base.LoadHumour())
	t.Logf("rater against rater %+v, against all others %+v, Bradley–Terry %+v", raters, others, bt)
	if raters.Value < .58 || raters.Value > .63 || bt.Value < .64 || bt.Value > .68 {
		t.Errorf("rater against rater %.3f, Bradley–Terry %.3f", raters.Value, bt.Value)
	}
	if others.Value < raters.Value || others.Value > .7 { // a pair has three judgments or so
		t.Errorf("the majority of the others %.3f, one other %.3f", others.Value, raters.Value)
	}
}

// The judge shares neither a text nor a judgment with the policy and its reward model.
func TestJudgeSeesOtherTexts(t *testing.T) {
	h := base.LoadHumour()
	policy := map[string]bool{}
	for _, x := range h.On(base.PolicySide) {
		policy[strings.ToLower(x.Text)] = true
	}
	for _, x := range h.On(base.JudgeSide) {
		if policy[strings.ToLower(x.Text)] {
			t.Logf("the same text under two ids: %q", x.Text)
		}
	}
	for _, j := range h.Within(base.JudgeSide) {
		if base.SideOf(j.Winner) != base.JudgeSide || base.SideOf(j.Loser) != base.JudgeSide {
			t.Fatalf("judgment %v", j)
		}
	}
}
