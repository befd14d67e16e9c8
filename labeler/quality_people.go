package labeler

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"agora/labeler/agree"
)

// Reasons to look at somebody's answers. None of them blocks anybody.
const (
	lookQ      = .05 // share of false alarms about sides and about drift, over all labelers
	lookFast   = .5  // of the others' median time on the same items
	lookCommon = 5   // items that needs
	lookKnow   = .5  // MACE: less of the flags known than this
	lookFlags  = 50  // flags that needs
)

// person is what is known of one labeler, by pseudonym.
type person struct {
	Worker  string
	Answers int
	Peers   agree.Peer
	Side    agree.Side
	Noisy   agree.Noisy
	Speed   agree.Speed
	Times   []agree.Bin
	Checks  checksOf
	Flags   trust // of flags, which have a truth
	Choices trust // of preferences, which may not
	Drift   agree.Drift
	Look    []string // keys of the reasons to look at the answers
}

// trust is what models of careless labeling say of one person.
type trust struct {
	MACE, DawidSkene float64 // NaN where nothing is known
	N                int     // judgments
}

// unknownTrust is nothing known.
var unknownTrust = trust{math.NaN(), math.NaN(), 0}

// raters is every named labeler, the least agreeing first, and the drift of all together.
func (o *opinions) raters(t *agree.Table, checks map[string]*checksOf) ([]person, agree.Drift, error) {
	rows := map[string]*person{}
	for name, n := range o.people.answers {
		rows[name] = newPerson(name, n)
	}
	for name, c := range checks {
		if rows[name] == nil {
			rows[name] = newPerson(name, 0)
		}
		rows[name].Checks = *c
	}
	peers := t.Peers(pageSampling.Resamples, pageSampling.Seed)
	for _, p := range peers {
		rows[p.Labeler].Peers = p
	}
	for _, side := range agree.SideBias(o.people.placed) {
		rows[side.Labeler].Side = side
	}
	for _, n := range agree.NoisyBradleyTerry(o.people.choices).Labelers {
		rows[n.Labeler].Noisy = n
	}
	for _, speed := range agree.Speeds(o.people.times) {
		rows[speed.Labeler].Speed = speed
	}
	o.histograms(rows)
	if err := o.trusts(t, rows); err != nil {
		return nil, agree.Drift{}, err
	}
	names := slices.Sorted(maps.Keys(rows))
	team := o.drifts(t, rows, names)
	out := make([]person, 0, len(rows))
	typical := medianAgreement(peers)
	for _, name := range names {
		rows[name].Look = rows[name].reasons(typical)
		out = append(out, *rows[name])
	}
	slices.SortStableFunc(out, func(a, b person) int { return cmp.Compare(a.trusted(), b.trusted()) })
	return out, team, nil
}

// newPerson is somebody of whom nothing but the number of answers is known.
func newPerson(name string, answers int) *person {
	none, nan := agree.Span{Lo: math.NaN(), Hi: math.NaN()}, math.NaN()
	return &person{
		Worker: name, Answers: answers, Peers: agree.Peer{Labeler: name, Agreement: nan, CI: none},
		Side: agree.Side{Share: nan, CI: none, P: nan, Q: nan}, Noisy: agree.Noisy{Care: nan, ToFirst: nan},
		Speed: agree.Speed{P10: nan, Median: nan, P90: nan, Against: nan},
		Flags: unknownTrust, Choices: unknownTrust, Checks: newChecks(), Drift: agree.DriftOf(nil, 0),
	}
}

// histograms counts everybody's times.
func (o *opinions) histograms(rows map[string]*person) {
	times := map[string][]float64{}
	for _, x := range o.people.times {
		times[x.Labeler] = append(times[x.Labeler], x.Seconds)
	}
	for name, seconds := range times {
		rows[name].Times = agree.Times(seconds)
	}
}

// trustCells bounds what the models of careless labeling are fitted to: beyond it every n-th unit is
// taken, which says as much about people.
const trustCells = 60_000

// trusts fits MACE and Dawid–Skene, to flags and to the choices between texts.
func (o *opinions) trusts(pairs *agree.Table, rows map[string]*person) error {
	var flags []agree.Label
	for _, set := range []*labelSet{o.flags, o.about} {
		for _, flag := range set.flagNames() {
			flags = append(flags, set.flagLabels(flag)...)
		}
	}
	t, err := agree.NewTable(thinned(flags))
	if err != nil {
		return err
	}
	fill(t, func(name string, x trust) { rows[name].Flags = x })
	if pairs.Shared() == 0 {
		return nil
	}
	if t, err = agree.NewTable(thinned(o.pairs.labels)); err == nil {
		fill(t, func(name string, x trust) { rows[name].Choices = x })
	}
	return err
}

// fill fits both models to a table that somebody shares something in.
func fill(t *agree.Table, set func(name string, x trust)) {
	if t.Shared() == 0 || len(t.Values) < 2 {
		return
	}
	n := make([]int, len(t.Labelers))
	for _, c := range t.Cells {
		if c.Labeler >= 0 {
			n[c.Labeler]++
		}
	}
	mace, ds := t.MACE(pageSampling.Seed), t.DawidSkene(100, 1e-5)
	for l, name := range t.Labelers {
		set(name, trust{mace.Competence[l], ds.Competence[l], n[l]})
	}
}

// thinned keeps whole units, evenly spread, so that at most trustCells labels are left.
func thinned(labels []agree.Label) []agree.Label {
	stride := (len(labels) + trustCells - 1) / trustCells
	if stride <= 1 {
		return labels
	}
	number := map[string]int{}
	var kept []agree.Label
	for _, l := range labels {
		n, ok := number[l.Unit]
		if !ok {
			n = len(number)
			number[l.Unit] = n
		}
		if n%stride == 0 {
			kept = append(kept, l)
		}
	}
	return kept
}

// drifts tests everybody's agreement with peers over time, and that of all people together, item by item.
func (o *opinions) drifts(t *agree.Table, rows map[string]*person, names []string) agree.Drift {
	scores := t.PeerScores()
	sequences := make([][]float64, len(names))
	at := map[string]int{}
	for i, name := range names {
		at[name] = i
	}
	type seen struct{ labeler, item string }
	done, items := map[seen]bool{}, map[string][]float64{}
	var order []string
	for _, l := range o.pairs.labels { // in the order the answers were given
		item := cmp.Or(l.Item, l.Unit)
		x, ok := scores[l.Labeler][item]
		if !ok || done[seen{l.Labeler, item}] {
			continue
		}
		done[seen{l.Labeler, item}] = true
		sequences[at[l.Labeler]] = append(sequences[at[l.Labeler]], x)
		if items[item] == nil {
			order = append(order, item)
		}
		items[item] = append(items[item], x)
	}
	for i, d := range agree.Drifts(sequences, pageSampling.Seed) {
		rows[names[i]].Drift = d
	}
	team := make([]float64, len(order))
	for i, item := range order {
		team[i] = meanOf(items[item])
	}
	return agree.DriftOf(team, pageSampling.Seed)
}

func meanOf(xs []float64) float64 {
	sum := 0.0
	for _, x := range xs {
		sum += x
	}
	return sum / float64(len(xs))
}

// reasons are why somebody's answers are worth a look. typical is the middle labeler's agreement.
func (p *person) reasons(typical float64) []string {
	var why []string
	for _, r := range []struct {
		key string
		is  bool
	}{
		{"agree.look.gold", p.Checks.Gold.CI.Hi < p.Checks.Typical},
		{"agree.look.peers", p.Peers.CI.Hi < typical},
		{"agree.look.earlier", p.Side.Q < lookQ && p.Side.Share > .5},
		{"agree.look.later", p.Side.Q < lookQ && p.Side.Share < .5},
		{"agree.look.flags", p.Flags.N >= lookFlags && p.Flags.MACE < lookKnow},
		{"agree.look.drift", p.Drift.Q < lookQ || p.Checks.Drift.Q < lookQ},
		{"agree.look.fast", p.Speed.Against <= lookFast && p.Speed.Common >= lookCommon},
	} {
		if r.is {
			why = append(why, r.key)
		}
	}
	return why
}

// trusted is the agreement to sort by: that of few items, which has no interval, comes last.
func (p person) trusted() float64 {
	if math.IsNaN(p.Peers.CI.Lo) {
		return math.Inf(1)
	}
	return p.Peers.Agreement
}

// medianAgreement is the middle labeler's agreement with peers, NaN without any.
func medianAgreement(peers []agree.Peer) float64 {
	var known []float64
	for _, p := range peers {
		known = append(known, p.Agreement)
	}
	return middle(known)
}

// middle is the median of the numbers among xs, NaN without any.
func middle(xs []float64) float64 {
	known := slices.DeleteFunc(slices.Clone(xs), math.IsNaN)
	if len(known) == 0 {
		return math.NaN()
	}
	slices.Sort(known)
	return known[len(known)/2]
}
