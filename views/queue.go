package views

import (
	"context"
	"time"
)

// QueuePage is how a project hands out its items, for its lead.
type QueuePage struct {
	Base      string // "/projects/3/queue"
	Figures   []Figure
	Notes     []Notice
	Languages []QueueLanguage
	Groups    []QueueGroup
	Silent    []QueueSilent
	Form      QueueForm
	Scores    []ScoreSet
	Scored    int // items with a known uncertainty
	Items     int
	KeysPage  string // where items get a known answer
	MayChange bool
	UploadErr string // what was wrong with a file of scores
}

// QueueLanguage is the part of a queue in one language.
type QueueLanguage struct {
	Lang                                      string // "": unknown
	Items, Waiting, Leased, Answered, Readers int
}

// QueueGroup is how the quota of a group stands.
type QueueGroup struct {
	Group                                  string
	Quota, Members, Active, Kept, Answered int
	Small                                  bool // too few people: numbers of people are not shown
}

// QueueSilent counts items of a purpose and the answers to them.
type QueueSilent struct {
	Purpose        string
	Items, Answers int
}

// QueueForm is what the lead sets, as typed.
type QueueForm struct {
	SortBy                     string
	Gold, Repeat, RepeatAfter  string // percent, percent, tasks
	MaxOverlap, ExtraFrom      string // answers, percent
	GroupBy                    string
	GroupNames                 []QuotaBy
	FallbackHours, ActiveHours string
	Overlap                    int
	Errors                     map[string]string // by field
}

// QuotaBy is something that divides members into groups, with its values.
type QuotaBy struct {
	Name, Label string
	Values      []QuotaField
}

// QuotaField is the quota of one value.
type QuotaField struct {
	Value, Label string
	Quota        string // as typed
	People       string // how many, "" when too few to say
}

// ScoreSet is a file of scores that the project took in.
type ScoreSet struct {
	Name                 string
	SHA256               string
	Rows, Matched, Items int
	When                 time.Time
	Current              bool // its scores are the measure
}

// sortChoices are the orders, each with what it does.
func sortChoices(ctx context.Context) []Described {
	var out []Described
	for _, order := range []string{"oldest", "random", "uncertain", "disagreement"} {
		out = append(out, Described{order, T(ctx, "queuepage.sort."+order), T(ctx, "queuepage.sort."+order+".text")})
	}
	return out
}

// Described is a choice with a sentence that explains it.
type Described struct{ Value, Label, Text string }

// langName is a language by name, or that it is unknown.
func langName(ctx context.Context, tag string) string {
	if tag == "" {
		return T(ctx, "queuepage.lang.unknown")
	}
	return LanguageName(ctx, tag)
}
