package reward

import "math"

// RaterAgreement is the chance that another person's judgment of a pair agrees
// with the first's, both drawn by weight: how well a person predicts another one,
// and so a reference for how well a reward model can. Pairs that one person judged
// say nothing. The interval resamples pairs.
//
// It is no ceiling: where a share p of people prefers a text, two of them agree with
// probability p² + (1−p)², but whoever knows the majority is right max(p, 1−p) of the
// time. See OthersMajority.
func RaterAgreement(all []Comparison) Interval { return agreement(all, nil) }

// agreement is RaterAgreement of judgments with those of other people among the peers.
func agreement(judged, peers []Comparison) Interval {
	return againstOthers(judged, peers, func(v Vote, a, b float64) (hits, n float64) {
		return v.A*a + v.B*b, (v.A + v.B) * (a + b)
	})
}

// OthersMajority is how often a judgment is what the majority of the other people
// who judged the pair said: the accuracy of a predictor that knows every vote but
// the one it predicts. Where the others are divided it counts half. With more and
// more judgments of a pair it tends to max(p, 1−p), which no reward model can exceed;
// with few it stays below. N is judgments, by weight; the interval resamples pairs.
func OthersMajority(all []Comparison) Interval { return othersMajority(all, nil) }

func othersMajority(judged, peers []Comparison) Interval {
	return againstOthers(judged, peers, func(v Vote, a, b float64) (hits, n float64) {
		switch n = v.A + v.B; {
		case math.Abs(a-b) <= sameWeight*(a+b):
			return n / 2, n
		case a > b:
			return v.A, n
		}
		return v.B, n
	})
}

// sameWeight is what sums of weights may differ by from rounding.
const sameWeight = 1e-9

// againstOthers sums over the votes of judged what one makes of a person's vote and of
// what all other people among the peers said of the pair, a and b; nil peers are judged
// themselves.
func againstOthers(judged, peers []Comparison, one func(v Vote, a, b float64) (hits, n float64)) Interval {
	index := map[[2]string]Comparison{}
	for _, c := range peers {
		index[[2]string{c.A, c.B}] = c
	}
	var hits, counts []float64
	for _, c := range judged {
		all, own := c, map[string]Vote(nil)
		if peers != nil {
			all = index[[2]string{c.A, c.B}]
			own = all.byWorker()
		}
		var hit, count float64
		for _, v := range c.votes() {
			mine, ok := own[v.Worker]
			if !ok {
				mine = v // among the peers as it is here
			}
			a, b := math.Max(0, all.WinsA-mine.A), math.Max(0, all.WinsB-mine.B)
			if a+b <= sameWeight*(all.WinsA+all.WinsB) {
				continue
			}
			h, n := one(v, a, b)
			hit, count = hit+v.People*h, count+v.People*n
		}
		if count > 0 {
			hits, counts = append(hits, hit), append(counts, count)
		}
	}
	return bootstrapRatio(hits, counts)
}

func (c Comparison) votes() []Vote {
	if c.Votes != nil {
		return c.Votes
	}
	return []Vote{{A: 1, People: c.WinsA}, {B: 1, People: c.WinsB}}
}

// byWorker are the votes of people known by name.
func (c Comparison) byWorker() map[string]Vote {
	out := map[string]Vote{}
	for _, v := range c.Votes {
		if v.Worker != "" {
			out[v.Worker] = v
		}
	}
	return out
}
