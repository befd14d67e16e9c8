package reward

import (
	"sort"

	"agora/reward/prefs"
)

// Comparison gathers the judgments on one pair of texts: WinsA people preferred
// A, WinsB preferred B. A and B name texts, the same text by the same name
// wherever it is compared; A < B.
type Comparison struct {
	A, B         string
	WinsA, WinsB float64
}

// Comparisons gathers the untied pairs of rankings, sorted by name. A text's name
// is its prompt's id and its own.
func Comparisons(lines []*prefs.Ranked) []Comparison {
	index := map[[2]string]int{}
	var out []Comparison
	for _, r := range lines {
		pairs, _ := r.Pairs()
		for _, p := range pairs {
			better, worse := textName(r, p.Better), textName(r, p.Worse)
			a, b := min(better, worse), max(better, worse)
			i, ok := index[[2]string{a, b}]
			if !ok {
				i = len(out)
				index[[2]string{a, b}] = i
				out = append(out, Comparison{A: a, B: b})
			}
			if better == a {
				out[i].WinsA++
			} else {
				out[i].WinsB++
			}
		}
	}
	sort.Slice(out, func(i, j int) bool {
		if out[i].A != out[j].A {
			return out[i].A < out[j].A
		}
		return out[i].B < out[j].B
	})
	return out
}

func textName(r *prefs.Ranked, i int) string { return r.PromptID + "\x00" + r.Completions[i].ID }

// RaterAgreement is the chance that a second judgment of a pair agrees with the
// first: how well a person predicts another one, and so a reference for how well
// a reward model can. Pairs judged once say nothing. The interval resamples pairs.
func RaterAgreement(all []Comparison) Interval {
	var hits, counts []float64
	for _, c := range all {
		n := c.WinsA + c.WinsB
		if n < 2 {
			continue
		}
		hits = append(hits, c.WinsA*(c.WinsA-1)+c.WinsB*(c.WinsB-1))
		counts = append(counts, n*(n-1))
	}
	return bootstrapRatio(hits, counts)
}
