package reward

import (
	"fmt"

	"agora/reward/prefs"
)

// References are what an accuracy is to be read against, measured on the same judgments, as far as two
// people or more judged the pair; nil where none did.
type References struct {
	Raters *Interval `json:"raters,omitempty"`          // RaterAgreement: how well one person predicts another
	Others *Interval `json:"others_majority,omitempty"` // OthersMajority: how well all other votes do
}

// ReferencesOf measures both on rankings.
func ReferencesOf(lines []*prefs.Ranked) References { return referencesOf(Comparisons(lines), nil) }

// referencesOf compares judgments with those of peers; nil peers are the judgments themselves.
func referencesOf(judged, peers []Comparison) (r References) {
	if raters := agreement(judged, peers); raters.Units > 0 {
		others := othersMajority(judged, peers)
		r.Raters, r.Others = &raters, &others
	}
	return r
}

// Metrics are the names under which runs log them, beside prefix + "accuracy"; nothing without pairs that
// two judged.
func (r References) Metrics(prefix string) map[string]float64 {
	if r.Raters == nil {
		return nil
	}
	return map[string]float64{prefix + "rater_agreement": r.Raters.Value, prefix + "others_majority": r.Others.Value,
		prefix + "rater_pairs": float64(r.Raters.Units)}
}

// Text says how well people predict each other where the model was measured.
func (r References) Text() string {
	if r.Raters == nil {
		return "no pair was judged by two"
	}
	of := func(i *Interval) string {
		return fmt.Sprintf("%.1f %% (%.1f to %.1f)", 100*i.Value, 100*i.Lo, 100*i.Hi)
	}
	return fmt.Sprintf("two agree on %s, the majority of the others is right on %s, of n = %d pairs", of(r.Raters), of(r.Others), r.Raters.Units)
}
