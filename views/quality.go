package views

import (
	"context"
	"math"
	"time"
)

// Freshness says which answers the figures of a page are from.
type Freshness struct {
	Ready  bool // there are figures
	Fresh  bool // from the present answers
	Made   time.Time
	Events string // address of the event stream that brings the fresh ones
	Again  string // the page's own address
}

// Weighting is the switch between everybody alike and weights to the project's targets.
type Weighting struct {
	Offered   bool // the project has targets
	On        bool
	Effective float64 // people that the weighted pool is worth
	Labelers  int
	Problem   string // why weights cannot be made, in words
	Missing   string // parts of the targets that nobody is in
}

// Quality is how much a project's labelers agree and how each of them does.
type Quality struct {
	Freshness
	Weighting
	Items, Answers, Labelers int
	Method                   string  // how the intervals were made, in words
	Alike                    float64 // pairwise agreement without ties; NaN where nothing is shared
	AlikeCI                  Interval
	AlikeN                   int // pairs of judgments
	Measures                 []Coefficient
	Flags                    []FlagRow
	Kappas                   []KappaRow
	MoreKappas               int // pairs of people that are not listed
	People                   []Rater
	Checked                  int // answers to items whose answer is known
	Team                     Chart
	TeamVerdict              string
	Groups                   []GroupPair
	SmallGroups              int // groups of too few people, which are not shown
	Unnamed                  int // answers whose giver the source does not name
	Links                    []Link
}

// Coefficient is one coefficient.
type Coefficient struct {
	Name, Of string
	Means    string // what it says, in a plain sentence
	N        string // how many of what it is over
	Value    float64
	CI       Interval
	Ties     string // what equal ranks count as
}

// FlagRow is the agreement about one flag.
type FlagRow struct {
	Name, Of  string
	Given     int // how often it was given
	N         int // texts or prompts that two or more people answered it for
	Alpha     float64
	CI        Interval
	Verdict   string // in a plain sentence
	Reliable  bool
	Unvarying bool
}

// KappaRow is the agreement of two people.
type KappaRow struct {
	A, B      string
	N         int // pairs of texts both judged
	Agreement float64
	Kappa     float64
	KappaCI   Interval
}

// Rater is what is known of one labeler, by pseudonym.
type Rater struct {
	Worker  string
	Href    string
	Answers int
	Gold    float64 // share right where the answer is known
	GoldCI  Interval
	GoldN   int
	Again   float64 // share of repeated judgments that are the same
	AgainN  int
	Peers   float64 // share of others' judgments of the same pairs that are the same
	CI      Interval
	Units   int     // pairs it is over
	Side    float64 // share of answers that lean to the text shown earlier; NaN without shown orders
	SideCI  Interval
	SideN   int
	Know    float64 // MACE, of flags
	KnowN   int
	Seconds float64  // median
	Look    []string // reasons to look at the answers, in words
}

// GroupPair is the agreement between two groups of people, or within one.
type GroupPair struct {
	Name, A, B string // characteristic and its two values
	Pairs      int
	Equal      float64
	CI         Interval
}

// LabelerPage is one labeler's quality in full.
type LabelerPage struct {
	Freshness
	Worker      string
	Look        []string
	Figures     []Figure
	Facts       []Fact
	Agree       Chart  // rolling agreement with peers
	Gold        Chart  // rolling accuracy on known items
	Verdict     string // about drift of agreement, in words
	GoldVerdict string
	Times       Bars
	Speed       string // in words
}

// Fact is one figure with the sentence that says what it means.
type Fact struct {
	Name  string
	Value string
	CI    string // "": none
	N     string
	Means string
}

// dotScale places figures of a table in a narrow column; it begins at −½ or −1 where one is below zero.
type dotScale struct{ from float64 }

const dotFrom, dotTo = 6.0, 170.0 // pixels

func scaleOf(measures []Coefficient) dotScale {
	least := 0.0
	for _, m := range measures {
		for _, v := range []float64{m.Value, m.CI.Lo} {
			if v < least { // never of NaN
				least = v
			}
		}
	}
	return dotScale{max(-1, math.Floor(2*least)/2)}
}

func (s dotScale) at(v float64) float64 {
	return dotFrom + (min(1, max(s.from, v))-s.from)/(1-s.from)*(dotTo-dotFrom)
}

// hundredths writes a coefficient.
func hundredths(v float64) string { return decimal(v, 2) }

func whole(v float64) string { return decimal(v, 0) }

// Published agreement, to compare with.
const (
	worrying = .95 // more than people who look for themselves ever reach
	chance   = .5
)

// published is agreement with one's peers in studies of preferences.
func published(ctx context.Context) []DotRow {
	return []DotRow{
		{Name: T(ctx, "quality.ref.instructgpt"), Value: .726, CI: Interval{.711, .741}, Series: 1},
		{Name: T(ctx, "quality.ref.heldout"), Value: .773, CI: Interval{.76, .786}, Series: 1},
		{Name: T(ctx, "quality.ref.stiennon"), Value: .73, CI: Interval{.69, .77}, Series: 1},
	}
}

// references is the project's agreement beside published ones.
func (q Quality) references(ctx context.Context) Dots {
	rows := []DotRow{{Name: T(ctx, "quality.ref.here"), Value: q.Alike, CI: q.AlikeCI, N: Count(q.AlikeN)}}
	return Dots{ID: "references", Title: T(ctx, "quality.ref.title"), Head: T(ctx, "quality.ref.who"), NHead: T(ctx, "quality.ref.n"),
		From: .4, To: 1, Ticks: []float64{.4, .6, .8, 1}, Line: chance, LineLabel: T(ctx, "quality.ref.chance"),
		Zone: worrying, ZoneLabel: T(ctx, "quality.ref.worry"), Rows: append(rows, published(ctx)...)}
}

// worries says whether people agree more than people do.
func (q Quality) worries() bool { return q.Alike > worrying && q.AlikeN >= 100 }

// one writes a share with its interval below it, for a narrow cell.
func (i Interval) small(ctx context.Context) string {
	if !i.known() {
		return ""
	}
	return T(ctx, "quality.small", whole(100*i.Lo), whole(100*i.Hi))
}

// sentence is what the first number of the page says.
func (q Quality) sentence(ctx context.Context) string {
	if !q.AlikeCI.known() {
		return T(ctx, "quality.sentence.alone", Count(q.AlikeN))
	}
	return T(ctx, "quality.sentence", Percent(q.AlikeCI.Lo), Percent(q.AlikeCI.Hi), Count(q.AlikeN))
}
