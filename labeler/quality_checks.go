package labeler

import (
	"context"
	"maps"
	"math"
	"slices"

	"agora/db"
	"agora/labeler/agree"
)

// checksOf is how one labeler did on items whose answer is known and on items they saw twice.
type checksOf struct {
	Gold    agree.Share // mean share of each known answer that is right
	Repeats agree.Share // mean share of each repeated judgment that is the same again
	Drift   agree.Drift // of gold
	Typical float64     // the middle labeler's gold accuracy
	gold    []float64   // in the order the answers were given
	again   []float64
}

func newChecks() checksOf {
	return checksOf{Gold: agree.ShareOf(nil), Repeats: agree.ShareOf(nil), Drift: agree.DriftOf(nil, 0), Typical: math.NaN()}
}

// checks reads everybody's answers to known and repeated items.
func checks(ctx context.Context, store *db.Store, p db.Project) (map[string]*checksOf, error) {
	of := map[string]*checksOf{}
	at := func(worker string) *checksOf {
		if of[worker] == nil {
			c := newChecks()
			of[worker] = &c
		}
		return of[worker]
	}
	err := store.EachCheck(ctx, p.ID, db.ForGold, func(r db.Record) error {
		score, ok, err := goldScore(r)
		if ok {
			c := at(r.Answer.Worker)
			c.gold = append(c.gold, score)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	repeats, err := store.Repeats(ctx, p.ID)
	for _, r := range repeats {
		if score, ok := sameAgain(r); ok {
			c := at(r.Again.Answer.Worker)
			c.again = append(c.again, score)
		}
	}
	measureChecks(of)
	return of, err
}

// measureChecks turns scores into shares and tests the gold ones for drift.
func measureChecks(of map[string]*checksOf) {
	names := slices.Sorted(maps.Keys(of))
	sequences, rates := make([][]float64, len(names)), make([]float64, len(names))
	for i, name := range names {
		c := of[name]
		c.Gold, c.Repeats = agree.ShareOf(c.gold), agree.ShareOf(c.again)
		sequences[i], rates[i] = c.gold, c.Gold.Rate
	}
	drifts, typical := agree.Drifts(sequences, pageSampling.Seed), middle(rates)
	for i, name := range names {
		of[name].Drift, of[name].Typical = drifts[i], typical
	}
}

// sameAgain is the share of a labeler's verdicts on pairs that they gave again, equal ranks included;
// not ok where nothing was ranked twice.
func sameAgain(r db.Repeat) (share float64, ok bool) {
	same, pairs := 0, 0
	for i := range r.Again.Completions {
		for j := range i {
			before, b := verdictOf(r.First.Answer.Ranks, i, j)
			after, a := verdictOf(r.Again.Answer.Ranks, i, j)
			if !a || !b {
				continue
			}
			pairs++
			if before == after {
				same++
			}
		}
	}
	return float64(same) / float64(max(1, pairs)), pairs > 0
}

// verdictOf is +1 where text i is better than j, 0 where equal; not ok where one has no rank.
func verdictOf(ranks []*int, i, j int) (int, bool) {
	if i >= len(ranks) || j >= len(ranks) || ranks[i] == nil || ranks[j] == nil {
		return 0, false
	}
	return compareInt(*ranks[j], *ranks[i]), true
}

// goldScore is the share of what the key answers, pairs of texts and flags, that an answer has right. A
// tie where the key has an order is half right. Not ok where there is no key.
func goldScore(r db.Record) (share float64, ok bool, err error) {
	key, err := r.Item.ParseSolution()
	if err != nil {
		return 0, false, err
	}
	if key.From != "" && key.From == r.Answer.LeaseID {
		return 0, false, nil // the key itself
	}
	details, err := r.Answer.ParseDetails()
	if err != nil {
		return 0, false, err
	}
	ranks, flags := key.RankAgreement(r.Answer.Ranks), key.FlagAgreement(details)
	n := ranks.N + flags.N
	return (ranks.Equal + flags.Equal) / float64(max(1, n)), n > 0, nil
}
