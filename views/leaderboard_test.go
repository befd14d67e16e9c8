package views

import (
	"math"
	"strings"
	"testing"
)

func sampleLeaderboard() Leaderboard {
	return Leaderboard{
		Freshness: Freshness{Ready: true, Fresh: true},
		Choices:   []Choice{{"", "all others"}, {"ppo-0028", "ppo-0028"}, {"sft-0012", "sft-0012"}}, Baseline: "sft-0012", Comparisons: 6777, Labelers: 84, Method: "Bootstrap.",
		Standings: []Standing{
			{"ppo-0028", 1, 1.12, Interval{.98, 1.26}, 2411, .754, Interval{.71, .79}, 900},
			{"sft-0012", 2, -.2, Interval{-.3, -.1}, 2440, math.NaN(), NoInterval, 0},
			{"a-policy-with-a-very-long-name-7", 2, -.92, NoInterval, 3, math.NaN(), NoInterval, 0},
		},
	}
}

func TestLeaderboardSaysWhatItDraws(t *testing.T) {
	page := render(t, LeaderboardPage(Frame{}, sampleLeaderboard()))
	if strings.Contains(page, "NaN") {
		t.Error("a missing value must not reach the page")
	}
	if n := len(elements(t, page, "path", "class", "whisk")); n != 2 {
		t.Errorf("%d whiskers, want one for each interval that exists", n)
	}
	for _, want := range []string{"+1.12", "−0.92", "+0.98 to +1.26", "75.4\u00a0%", "Win rate over sft-0012", "the baseline", "a-policy-with-a-very-long-name-7", "Comparisons 6\u202f777 · labelers 84"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(page, "Not enough answers") {
		t.Error("the warning belongs to unbounded strengths only")
	}
	empty := render(t, LeaderboardPage(Frame{}, Leaderboard{Freshness: Freshness{Ready: true, Fresh: true}}))
	if !strings.Contains(empty, "Nothing to compare yet") || strings.Contains(empty, "<table") {
		t.Error("without comparisons the page must say so")
	}
}

// Every mark stands inside the drawing, below the one before, at the place that its axis says.
func TestLeaderboardLayout(t *testing.T) {
	p := sampleLeaderboard().layout()
	last := 0.0
	for _, m := range p.rows {
		x := p.x.px(m.Strength)
		if x < boardLeft || x > boardRight || m.y <= last || m.y > p.bottom {
			t.Errorf("%s at %g, %g", m.Policy, x, m.y)
		}
		last = m.y
	}
	if p.rows[0].name != "ppo-0028" || p.rows[2].name != "a-policy…g-name-7" {
		t.Errorf("names %q, %q", p.rows[0].name, p.rows[2].name)
	}
}
