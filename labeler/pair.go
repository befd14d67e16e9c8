package labeler

import (
	"math"
	"strconv"

	"agora/db"
	"agora/views"
)

// readChoice turns the choice between the texts shown as A and B into ranks and a strength: −2 A is
// clearly better, −1 slightly, 0 tie, 1 and 2 the same for B. With three steps there is no strength.
func readChoice(value string, t db.Task, r *db.Ranking) {
	step, err := strconv.Atoi(value)
	if far := (t.Form.Steps - 1) / 2; err != nil || step < -far || step > far || len(t.Completions) != 2 || step == 0 && !t.Form.Ties {
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
	if t.Form.Steps == 5 {
		strength := math.Abs(float64(step))
		r.Strength = &strength
	}
}

// chosenStep is the step of the form that gave a ranking, "" when none was chosen.
func chosenStep(v views.Task, r db.Ranking) string {
	if len(v.Texts) != 2 || v.Texts[0].Rank == 0 || v.Texts[1].Rank == 0 {
		return ""
	}
	step := min(1, max(-1, v.Texts[0].Rank-v.Texts[1].Rank))
	if r.Strength != nil && step != 0 {
		step *= max(1, int(math.Round(*r.Strength)))
	}
	return strconv.Itoa(step)
}
