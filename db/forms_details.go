package db

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// Rating is what a labeler says about one completion by itself. A key that is
// absent was not answered; null means that it makes no sense here. Neither is
// ever taken for 0 or no.
type Rating struct {
	Scores map[string]*int  `json:"scores,omitempty"` // axis → step
	Flags  map[string]*bool `json:"flags,omitempty"`
}

// Written is a text that a labeler wrote: a demonstration, or a prompt.
type Written struct {
	Text     string    `json:"text,omitempty"`
	Style    string    `json:"style,omitempty"`    // of a prompt, one of Styles
	UseCase  string    `json:"use_case,omitempty"` // of a prompt, one of UseCases
	Examples []Example `json:"examples,omitempty"` // of a few-shot prompt: Text is the instruction
	Query    string    `json:"query,omitempty"`    // of a few-shot prompt: what is to be answered
}

// Example is a query with its response.
type Example struct {
	Query    string `json:"query"`
	Response string `json:"response"`
}

// Messages is a written prompt as a conversation. A few-shot prompt shows its
// instruction with the first query, and each response as the assistant's turn.
func (w Written) Messages() []Message {
	if w.Style != StyleFewShot {
		return []Message{{"user", w.Text}}
	}
	var m []Message
	ask := func(query string) {
		if len(m) == 0 {
			query = w.Text + "\n\n" + query
		}
		m = append(m, Message{"user", query})
	}
	for _, e := range w.Examples {
		ask(e.Query)
		m = append(m, Message{"assistant", e.Response})
	}
	ask(w.Query)
	return m
}

// Details is the part of an answer beyond its ranking, as Answer.Details holds
// it. Its members stand in a ranked/1 line under the same names.
type Details struct {
	Ratings       []Rated  `json:"ratings,omitempty"`
	PromptFlags   []string `json:"prompt_flags,omitempty"`    // answered with yes
	PromptFlagsNo []string `json:"prompt_flags_no,omitempty"` // with no
	PromptFlagsNA []string `json:"prompt_flags_na,omitempty"` // with "makes no sense here"
	Written       *Written `json:"written,omitempty"`
}

// Rated is a Rating as a record writes it: {"id":"c1","overall":6,"tone":null,
// "flags":["hallucination"],"flags_no":[…],"flags_na":[…]}. A score of null
// means that the axis makes no sense here.
type Rated struct {
	ID      string // Completion.ExtID
	Scores  map[string]*float64
	Flags   []string
	FlagsNo []string
	FlagsNA []string
}

// MarshalJSON writes the scores beside the lists.
func (r Rated) MarshalJSON() ([]byte, error) {
	line := map[string]any{"id": r.ID}
	for _, axis := range slices.Sorted(maps.Keys(r.Scores)) {
		line[axis] = r.Scores[axis]
	}
	for name, list := range map[string][]string{"flags": r.Flags, "flags_no": r.FlagsNo, "flags_na": r.FlagsNA} {
		if len(list) > 0 {
			line[name] = list
		}
	}
	return json.Marshal(line)
}

// UnmarshalJSON takes every number, and every null, for a score; members that
// are neither are somebody else's and left out.
func (r *Rated) UnmarshalJSON(data []byte) error {
	var line map[string]json.RawMessage
	if err := json.Unmarshal(data, &line); err != nil {
		return err
	}
	*r = Rated{Scores: map[string]*float64{}}
	for name, raw := range line {
		var err error
		switch name {
		case "id":
			err = json.Unmarshal(raw, &r.ID)
		case "flags":
			err = json.Unmarshal(raw, &r.Flags)
		case "flags_no":
			err = json.Unmarshal(raw, &r.FlagsNo)
		case "flags_na":
			err = json.Unmarshal(raw, &r.FlagsNA)
		default:
			var score *float64
			if json.Unmarshal(raw, &score) == nil {
				r.Scores[name] = score
			}
		}
		if err != nil {
			return fmt.Errorf("rating: %s: %w", name, err)
		}
	}
	return nil
}

// ParseDetails reads what an answer says beyond its ranking; "" is nothing.
func (a Answer) ParseDetails() (Details, error) {
	var d Details
	if a.Details == "" {
		return d, nil
	}
	if err := json.Unmarshal([]byte(a.Details), &d); err != nil {
		return d, fmt.Errorf("answer %d: details: %w", a.ID, err)
	}
	return d, nil
}

// details turns what was sent, by completion key, into what is stored, by the
// record's ids. Only what the form asks is taken, in the form's order.
func (f Form) details(kind string, cs []Completion, r Ranking) (string, error) {
	var d Details
	for _, c := range cs {
		given := r.Ratings[c.Key]
		rated := Rated{ID: c.ExtID, Scores: map[string]*float64{}}
		for _, a := range f.Axes {
			if v, ok := given.Scores[a.Key]; ok {
				rated.Scores[a.Key] = toFloat(v)
			}
		}
		rated.Flags, rated.FlagsNo, rated.FlagsNA = sortFlags(f.Flags, given.Flags)
		if kind == KindRating || len(rated.Scores)+len(rated.Flags)+len(rated.FlagsNo)+len(rated.FlagsNA) > 0 {
			d.Ratings = append(d.Ratings, rated)
		}
	}
	d.PromptFlags, d.PromptFlagsNo, d.PromptFlagsNA = sortFlags(f.PromptFlags, r.PromptFlags)
	if writes(kind) {
		w := r.Written
		d.Written = &w
	}
	b, err := json.Marshal(d)
	if string(b) == "{}" {
		return "", err
	}
	return string(b), err
}

// sortFlags lists flags by their answers, in the form's order.
func sortFlags(asked []Flag, given map[string]*bool) (yes, no, na []string) {
	for _, f := range asked {
		switch v, ok := given[f.Key]; {
		case !ok:
		case v == nil:
			na = append(na, f.Key)
		case *v:
			yes = append(yes, f.Key)
		default:
			no = append(no, f.Key)
		}
	}
	return yes, no, na
}

// settle gives a written prompt the style and use case that its brief fixes,
// and drops the parts that belong to another style.
func (b Brief) settle(r Ranking) Ranking {
	if b.Style != "" {
		r.Written.Style = b.Style
	}
	if b.UseCase != "" {
		r.Written.UseCase = b.UseCase
	}
	if r.Written.Style != StyleFewShot {
		r.Written.Examples, r.Written.Query = nil, ""
	}
	return r
}
