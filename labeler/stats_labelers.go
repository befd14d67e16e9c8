package labeler

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"

	"agora/labeler/agree"
	"agora/reward/prefs"
)

// labelerSet collects what each labeler's figures are made of.
type labelerSet struct {
	answers map[string]int
	placed  []agree.Placed
	choices []agree.Choice
	times   []agree.Timed
}

func newLabelerSet() *labelerSet { return &labelerSet{answers: map[string]int{}} }

// add takes one answer in; those of unnamed people say nothing about anybody.
func (s *labelerSet) add(r *prefs.Ranked) {
	if r.Worker == "" {
		return
	}
	s.answers[r.Worker]++
	if ms := or0(r.ActiveMS); ms > 0 {
		s.times = append(s.times, agree.Timed{Labeler: r.Worker, Item: r.PromptID, Seconds: float64(ms) / 1000})
	} else if ms := or0(r.DurationMS); ms > 0 {
		s.times = append(s.times, agree.Timed{Labeler: r.Worker, Item: r.PromptID, Seconds: float64(ms) / 1000})
	}
	s.addOrder(r)
}

// addOrder adds the ranked pairs as they were shown, if that is known.
func (s *labelerSet) addOrder(r *prefs.Ranked) {
	place := func(c prefs.Completion) int { return slices.Index(r.ShownOrder, c.ID) }
	earlier, untied, pairs := 0.0, 0.0, 0
	for i, a := range r.Completions {
		for j, b := range r.Completions {
			if place(a) < 0 || place(a) >= place(b) || r.Ranks[i] == nil || r.Ranks[j] == nil {
				continue
			}
			score := (1 + float64(compareInt(*r.Ranks[j], *r.Ranks[i]))) / 2 // 1: the earlier is better
			pairs++
			if score != .5 {
				untied++
				earlier += score
			}
			s.choices = append(s.choices, agree.Choice{Labeler: r.Worker, Score: score,
				First: r.PromptID + "\x00" + completionKey(a), Second: r.PromptID + "\x00" + completionKey(b)})
		}
	}
	if pairs > 0 {
		share := math.NaN()
		if untied > 0 {
			share = earlier / untied
		}
		s.placed = append(s.placed, agree.Placed{Labeler: r.Worker, Score: share})
	}
}

// labelerJSON is what is known of one labeler.
type labelerJSON struct {
	Labeler   string     `json:"labeler"`
	Answers   int        `json:"n_answers"`
	Agreement figure     `json:"agreement"` // with peers, on the same units
	CI        *span      `json:"ci95"`      // items resampled
	Units     int        `json:"n_units"`
	Side      *sideJSON  `json:"side,omitempty"`
	Trust     *trustJSON `json:"competence,omitempty"`
	Seconds   *speedJSON `json:"seconds,omitempty"`
}

// sideJSON is a leaning to what is shown earlier.
type sideJSON struct {
	Share figure `json:"earlier_share"` // of answers that lean to either side
	CI    *span  `json:"ci95"`
	N     int    `json:"n"`
	P     figure `json:"p"` // exact sign test against one half
	Q     figure `json:"q"` // after Benjamini–Hochberg over the labelers
	// Noisy Bradley–Terry: the share of choices that follow the common order of the texts, and of the
	// others the share for the earlier shown. Few common choices with an even share are another taste,
	// not carelessness.
	Common  figure `json:"common_order"`
	ToFirst figure `json:"earlier_otherwise"`
}

// trustJSON is what models of careless labeling say.
type trustJSON struct {
	MACE       figure `json:"mace"`        // share of labels known, not guessed
	DawidSkene figure `json:"dawid_skene"` // chance of the true value
}

// speedJSON is how long answers took, active time where it was measured.
type speedJSON struct {
	N       int    `json:"n"`
	P10     figure `json:"p10"`
	Median  figure `json:"median"`
	P90     figure `json:"p90"`
	Against figure `json:"against_peers"` // median ratio to others on the same items
}

// report is every labeler's figures, least agreement first, those with too few items for an interval last.
// Models of a true value make sense for flags and facts, not for preferences, so they are asked for with
// factual.
func (s *labelerSet) report(t *agree.Table, factual bool, o Resampling) []labelerJSON {
	var out []labelerJSON
	at := map[string]int{}
	for _, p := range t.Peers(o.Resamples, o.Seed) {
		at[p.Labeler] = len(out)
		out = append(out, labelerJSON{Labeler: p.Labeler, Answers: s.answers[p.Labeler], Agreement: figure(p.Agreement), CI: spanOf(p.CI), Units: p.Units})
	}
	if factual {
		mace, ds := t.MACE(o.Seed), t.DawidSkene(100, 1e-5)
		for l, name := range t.Labelers {
			out[at[name]].Trust = &trustJSON{figure(mace.Competence[l]), figure(ds.Competence[l])}
		}
	}
	for _, side := range agree.SideBias(s.placed) {
		if i, ok := at[side.Labeler]; ok {
			out[i].Side = &sideJSON{Share: figure(side.Share), CI: spanOf(side.CI), N: side.Earlier + side.Later, P: figure(side.P), Q: figure(side.Q)}
		}
	}
	for _, n := range agree.NoisyBradleyTerry(s.choices).Labelers {
		if i, ok := at[n.Labeler]; ok {
			out[i].Side.Common, out[i].Side.ToFirst = figure(n.Care), figure(n.ToFirst)
		}
	}
	for _, v := range agree.Speeds(s.times) {
		if i, ok := at[v.Labeler]; ok {
			out[i].Seconds = &speedJSON{v.N, figure(v.P10), figure(v.Median), figure(v.P90), figure(v.Against)}
		}
	}
	slices.SortStableFunc(out, func(a, b labelerJSON) int {
		if a.CI == nil && b.CI != nil {
			return 1
		}
		if a.CI != nil && b.CI == nil {
			return -1
		}
		return cmp.Compare(a.Agreement, b.Agreement)
	})
	return out
}

func printLabelers(w io.Writer, people []labelerJSON) {
	if len(people) == 0 {
		return
	}
	fmt.Fprintln(w, "\nLABELER\tWITH PEERS\t95 % BY item\tUNITS\tEARLIER SHOWN\tq\tCOMMON ORDER\tMACE\tMEDIAN s\tAGAINST PEERS")
	for _, p := range people {
		fmt.Fprintf(w, "%s\t%v\t%v\t%d", p.Labeler, p.Agreement, p.CI, p.Units)
		none := figure(math.NaN())
		side, trust, seconds := sideJSON{Share: none, Q: none, Common: none}, trustJSON{MACE: none}, speedJSON{Median: none, Against: none}
		if p.Side != nil {
			side = *p.Side
		}
		if p.Trust != nil {
			trust = *p.Trust
		}
		if p.Seconds != nil {
			seconds = *p.Seconds
		}
		fmt.Fprintf(w, "\t%v\t%v\t%v\t%v\t%v\t%v\n", side.Share, side.Q, side.Common, trust.MACE, seconds.Median, seconds.Against)
	}
}

func printFlags(w io.Writer, flags map[string]*flagJSON) {
	if len(flags) == 0 {
		return
	}
	fmt.Fprintln(w, "\nFLAG\tGIVEN\tOF\tα\tAGREEMENT")
	for _, name := range slices.Sorted(maps.Keys(flags)) {
		f := flags[name]
		fmt.Fprintf(w, "%s\t%d\t%d\t%v\t%v\n", name, f.Given, f.N, f.Alpha, f.Pairwise)
	}
}
