package labeler

import (
	"context"
	"math"
	"slices"

	"agora/labeler/agree"
	"agora/views"
)

// labelerView is one labeler's page; not found without any answer.
func labelerView(ctx context.Context, q quality, worker string) (v views.LabelerPage, found bool) {
	i := slices.IndexFunc(q.People, func(p person) bool { return p.Worker == worker })
	if i < 0 {
		return v, false
	}
	p := q.People[i]
	for _, key := range p.Look {
		v.Look = append(v.Look, views.T(ctx, key))
	}
	v.Facts = facts(ctx, p, q)
	v.Agree, v.Verdict = driftChart(ctx, "drift-peers", "quality.drift", p.Drift), driftVerdict(ctx, "quality.drift", p.Drift, p.Drift.Q)
	if p.Checks.Gold.N > 0 {
		v.Gold, v.GoldVerdict = driftChart(ctx, "drift-gold", "quality.drift.gold", p.Checks.Drift), driftVerdict(ctx, "quality.drift.gold", p.Checks.Drift, p.Checks.Drift.Q)
	}
	v.Times, v.Speed = timesView(ctx, p.Times), speedWords(ctx, p.Speed)
	return v, true
}

// facts are a labeler's figures with what each means.
func facts(ctx context.Context, p person, q quality) []views.Fact {
	say := func(key string, args ...any) string { return views.T(ctx, key, args...) }
	checked := func(name string, s agree.Share, n, means string) views.Fact {
		return views.Fact{Name: say(name), Value: views.Percent(s.Rate), CI: withinWords(ctx, s.CI), N: say(n, views.Count(s.N)), Means: means}
	}
	gold, again := say("quality.fact.gold.text", views.Percent(p.Checks.Typical)), say("quality.fact.again.text")
	if p.Checks.Gold.N == 0 {
		gold = say("quality.fact.gold.none")
	}
	if p.Checks.Repeats.N == 0 {
		again = say("quality.fact.again.none")
	}
	peers := make([]agree.Peer, len(q.People))
	for i, x := range q.People {
		peers[i] = x.Peers
	}
	typical := medianAgreement(peers)
	list := []views.Fact{
		checked("quality.fact.gold", p.Checks.Gold, "quality.n.items", gold),
		checked("quality.fact.again", p.Checks.Repeats, "quality.n.items", again),
		{Name: say("quality.fact.peers"), Value: views.Percent(p.Peers.Agreement), CI: withinWords(ctx, p.Peers.CI), N: say("agree.n.pairs", views.Count(p.Peers.Units)),
			Means: say("quality.fact.peers.text", views.Percent(typical))},
		{Name: say("quality.fact.side"), Value: views.Percent(p.Side.Share), CI: withinWords(ctx, p.Side.CI), N: say("quality.n.answers", views.Count(p.Side.Earlier+p.Side.Later)),
			Means: sideWords(ctx, p.Side)},
		{Name: say("quality.fact.care"), Value: views.Percent(p.Noisy.Care), N: say("quality.n.choices", views.Count(p.Noisy.Choices)),
			Means: say("quality.fact.care.text", views.Percent(p.Noisy.ToFirst))},
	}
	if p.Flags.N > 0 {
		list = append(list,
			views.Fact{Name: say("quality.fact.mace"), Value: views.Percent(p.Flags.MACE), N: say("quality.n.flags", views.Count(p.Flags.N)), Means: say("quality.fact.mace.text")},
			views.Fact{Name: say("quality.fact.ds"), Value: views.Percent(p.Flags.DawidSkene), N: say("quality.n.flags", views.Count(p.Flags.N)), Means: say("quality.fact.ds.text")})
	}
	if p.Choices.N > 0 {
		list = append(list, views.Fact{Name: say("quality.fact.choices"), Value: views.Percent(p.Choices.DawidSkene), N: say("quality.n.choices", views.Count(p.Choices.N)),
			Means: say("quality.fact.choices.text", views.Percent(p.Choices.MACE))})
	}
	return list
}

// withinWords is an interval in words, "" for none.
func withinWords(ctx context.Context, s agree.Span) string {
	if math.IsNaN(s.Lo) || math.IsNaN(s.Hi) {
		return ""
	}
	return views.T(ctx, "quality.within", views.Percent(s.Lo), views.Percent(s.Hi))
}

func sideWords(ctx context.Context, s agree.Side) string {
	switch {
	case s.Earlier+s.Later == 0:
		return views.T(ctx, "quality.fact.side.none")
	case s.Q < lookQ:
		return views.T(ctx, "quality.fact.side.found", views.Number(s.Q))
	}
	return views.T(ctx, "quality.fact.side.text", views.Number(s.Q))
}

// timesView is a histogram without the empty bins at its ends.
func timesView(ctx context.Context, bins []agree.Bin) views.Bars {
	b := views.Bars{ID: "times", Title: views.T(ctx, "quality.times"), Head: views.T(ctx, "quality.times.bin"), NHead: views.T(ctx, "agree.answers"), Unit: views.T(ctx, "quality.times.unit")}
	for len(bins) > 0 && bins[len(bins)-1].N == 0 {
		bins = bins[:len(bins)-1]
	}
	for _, x := range bins {
		name := views.T(ctx, "quality.times.range", views.Number(x.Lo), views.Number(x.Hi))
		if math.IsInf(x.Hi, 1) {
			name = views.T(ctx, "quality.times.over", views.Number(x.Lo))
		}
		b.Bars = append(b.Bars, views.Bar{Name: name, Short: views.Number(x.Lo), N: x.N})
	}
	return b
}

func speedWords(ctx context.Context, s agree.Speed) string {
	if s.N == 0 {
		return ""
	}
	if s.Common == 0 {
		return views.T(ctx, "quality.speed.alone", views.Number(s.P10), views.Number(s.Median), views.Number(s.P90))
	}
	return views.T(ctx, "quality.speed", views.Number(s.P10), views.Number(s.Median), views.Number(s.P90), views.Number(s.Against), views.Count(s.Common))
}
