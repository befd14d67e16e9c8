package reward

import (
	"context"
	"math"

	"agora/reward/prefs"
)

// reading is what one model gives every text of some rankings.
type reading struct {
	texts map[string]scored
	own   headScores
	cut   int // texts that were cut to fit the model
}

// readings are those of an ensemble's members.
type readings []reading

func readAll(ctx context.Context, lines []*prefs.Ranked, ensemble []*Scorer) (all readings, err error) {
	for _, s := range ensemble {
		var one reading
		if one.texts, one.cut, err = s.scoreTexts(ctx, lines); err != nil {
			return nil, err
		}
		if one.own, err = s.scoreByHead(ctx, lines); err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

// judge fills in the margin of a pair, the mean over the members, with its deviation among them, and adds
// to the members' own sums of right answers and losses.
func (rs readings) judge(o *observation, sums []Member) {
	var sum, squares float64
	for i, one := range rs {
		a, b := one.own.of(o.line, one.texts, o.better), one.own.of(o.line, one.texts, o.worse)
		alone := observation{margin: a.score - b.score}
		sum, squares = sum+alone.margin, squares+alone.margin*alone.margin
		sums[i].Accuracy += o.people * alone.right()
		sums[i].Loss -= o.people * logSigmoid(alone.margin)
		o.longer = sign(a.length - b.length)
	}
	n := float64(len(rs))
	o.margin = sum / n
	o.spread = math.Sqrt(max(0, squares/n-o.margin*o.margin))
}

// means are the texts with their mean scores.
func (rs readings) means() map[string]scored {
	if len(rs) == 1 {
		return rs[0].texts
	}
	out := map[string]scored{}
	for name, t := range rs[0].texts {
		mean := 0.0
		for _, one := range rs {
			mean += one.texts[name].score / float64(len(rs))
		}
		out[name] = scored{mean, t.length}
	}
	return out
}
