package prefs

import (
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// Schema names, the first member of every record.
const (
	SchemaRanked      = "ranked/1"
	SchemaPrompt      = "prompt/1"
	SchemaDemo        = "demo/1"
	SchemaCompletions = "completions/1"
)

// Record is one line of a file: *Ranked, *Prompt, *Demo or *Completions.
type Record interface {
	// Schema is the name that the record's line starts with.
	Schema() string
	// Validate returns nil or a *FieldError naming the first wrong field.
	Validate() error
	// MarshalJSON writes the line: schema first, the known fields in the order
	// of the struct, then what else the line carried.
	MarshalJSON() ([]byte, error)
}

// Message is one turn of a prompt.
type Message struct {
	Role    string // system, user or assistant; others are kept
	Content string
	Extra   Fields // members beside role and content, as written
}

// Completion is one answer to a prompt.
type Completion struct {
	ID       string // unique within its record
	Text     string
	Policy   string   // who wrote it: a checkpoint's hash, a name, or "demo"
	Sampling Fields   // temperature, top_p, seed …
	Finish   string   // eos or length
	LogProb  *float64 // nats, of the whole text
	Extra    Fields
}

// Rating is one labeler's absolute judgment of one completion.
type Rating struct {
	ID      string   // of the completion
	Overall *float64 // on the form's scale, 1…7 by default
	Flags   []string
	Extra   Fields // further axes
}

// Ranked is one labeler's ranking of one prompt's completions.
//
// Extra, here and in the other records, holds the members that the struct has
// no field for, and also known members that the line wrote out empty (null, "",
// [], {}, 0, false), so that writing gives back the same line. A store that
// keeps every field and Extra loses nothing.
type Ranked struct {
	Project          string
	PromptID         string
	Prompt           []Message // empty where the source has no prompt
	Lang             string
	Completions      []Completion // two or more; one where it is judged by itself
	Ranks            []*int       // one per completion, 1 = best; equal = tie, nil = not ranked
	Strength         *float64     // K = 2 only: 0 tie, 1 slightly, 2 clearly better, 0.5 steps
	NoneAcceptable   bool
	ShownOrder       []string // completion IDs as shown
	Ratings          []Rating
	PromptFlags      []string
	Confidence       *float64
	Note             string
	Worker           string // pseudonym, stable within a project
	WorkerFold       *int
	Groups           map[string]*string // nil value: suppressed (fewer than 5 labelers share it)
	Weight           *float64           // raking weight; nil counts as 1
	Consent          string
	GuidelineVersion string
	UIVersion        string
	FormVersion      string
	DurationMS       *int64
	ActiveMS         *int64
	AnsweredAt       string // RFC 3339, as written
	Split            string
	Extra            Fields
}

// Prompt is one prompt to be answered.
type Prompt struct {
	PromptID   string
	Prompt     []Message
	Lang       string
	Tags       []string
	SourceUser string
	Split      string
	Extra      Fields
}

// Demo is one demonstration: a prompt with the answer that somebody wrote.
type Demo struct {
	PromptID   string
	Prompt     []Message
	Completion string
	Worker     string
	Split      string
	Extra      Fields
}

// Completions is one prompt with answers to be ranked.
type Completions struct {
	PromptID    string
	Prompt      []Message
	Completions []Completion
	Extra       Fields
}

func (*Ranked) Schema() string      { return SchemaRanked }
func (*Prompt) Schema() string      { return SchemaPrompt }
func (*Demo) Schema() string        { return SchemaDemo }
func (*Completions) Schema() string { return SchemaCompletions }

// Answered is the time of AnsweredAt, zero where there is none.
func (r *Ranked) Answered() time.Time {
	t, _ := time.Parse(time.RFC3339Nano, r.AnsweredAt)
	return t
}

// WeightOr1 is the line's weight, 1 where it has none.
func (r *Ranked) WeightOr1() float64 {
	if r.Weight == nil {
		return 1
	}
	return *r.Weight
}

// Pair is one ordered comparison: Completions[Better] outranks Completions[Worse].
type Pair struct{ Better, Worse int }

// Pairs lists every (i, j) with rank_i < rank_j, in the order of the completions,
// and the number of tied pairs left out. Unranked completions take part in neither.
func (r *Ranked) Pairs() (pairs []Pair, ties int) {
	for i := range r.Ranks {
		for j := i + 1; j < len(r.Ranks); j++ {
			a, b := r.Ranks[i], r.Ranks[j]
			switch {
			case a == nil || b == nil:
			case *a < *b:
				pairs = append(pairs, Pair{i, j})
			case *a > *b:
				pairs = append(pairs, Pair{j, i})
			default:
				ties++
			}
		}
	}
	return pairs, ties
}

// DistinctPairs are the pairs whose two texts differ, and how many of the others there are: a text that is ranked
// above itself teaches nothing. An empty text is a text as any other.
func (r *Ranked) DistinctPairs() (pairs []Pair, same int) {
	all, _ := r.Pairs()
	for _, p := range all {
		if r.Completions[p.Better].Text == r.Completions[p.Worse].Text {
			same++
			continue
		}
		pairs = append(pairs, p)
	}
	return pairs, same
}

// Plain makes a prompt of one string: one user turn.
func Plain(text string) []Message { return []Message{{Role: "user", Content: text}} }

// PromptID is the id given to prompts that come without one: equal prompts get equal ids.
func PromptID(prompt []Message) string {
	if len(prompt) == 0 {
		prompt = []Message{} // nil and empty are the same prompt
	}
	return "p-" + digest(encode(prompt))
}

// CompletionID is the id given to completions that come without one: equal texts get equal ids.
func CompletionID(text string) string { return "c-" + digest([]byte(text)) }

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:6])
}
