package labeler

import (
	"math"
	"strconv"

	"agora/db"
	"agora/views"
)

// readChoice turns the five-step choice between the texts shown as A and B into ranks and a
// strength: −2 A is clearly better, −1 slightly, 0 tie, 1 and 2 the same for B.
func readChoice(value string, t db.Task, r *db.Ranking) {
	step, err := strconv.Atoi(value)
	if err != nil || step < -2 || step > 2 || len(t.Completions) != 2 {
		return // not chosen
	}
	a, b := 1, 1
	switch {
	case step < 0:
		b = 2
	case step > 0:
		a = 2
	}
	r.Ranks[t.Completions[0].Key], r.Ranks[t.Completions[1].Key] = a, b
	strength := math.Abs(float64(step))
	r.Strength = &strength
}

// chosenStep is the step of the form that gave a ranking, "" when none was chosen.
func chosenStep(v views.Task, r db.Ranking) string {
	if r.Strength == nil || len(v.Texts) != 2 {
		return ""
	}
	step := int(math.Round(*r.Strength))
	if v.Texts[0].Rank < v.Texts[1].Rank {
		step = -step
	}
	return strconv.Itoa(step)
}
