package prefs

import (
	"encoding/json"
	"strconv"
)

// Origin is the member "origin" of records that came from another format: what
// that format wrote and ranked/1 has no place for. Writing the same format
// again uses it to give an equal row.
type Origin struct {
	Format Format `json:"format"`
	// Columns are the columns beside prompt, chosen and rejected, in file order.
	Columns Fields `json:"columns,omitempty"`
	// Verbatim holds prompt, chosen and rejected as written, where writing the
	// record anew would give something else.
	Verbatim Fields `json:"verbatim,omitempty"`
}

// originOf reads the origin out of a record's Extra; nil where it has none of this format.
func originOf(extra Fields, format Format) *Origin {
	raw, ok := extra.Get("origin")
	if !ok {
		return nil
	}
	var o Origin
	if json.Unmarshal(raw, &o) != nil || o.Format != format {
		return nil
	}
	return &o
}

// preference is what the pair formats share: a K = 2 line from one row.
type preference struct {
	prompt           []Message
	promptText       bool // the source wrote prompt and completions as strings
	chosen, rejected string
}

// ranked makes the ranked/1 line of a row. Columns that ranked/1 knows by the
// same name and type (prompt_id, worker, split) fill its fields; all columns stay
// in the origin.
func (p preference) ranked(format Format, row Fields) (*Ranked, error) {
	r := &Ranked{Prompt: p.prompt, Ranks: ranks(1, 2)}
	if r.Prompt == nil {
		r.Prompt = []Message{}
	}
	columns := row.Without("chosen", "rejected")
	if format == FormatTRL {
		columns = columns.Without("prompt")
	}
	adopt(columns, "prompt_id", &r.PromptID)
	adopt(columns, "worker", &r.Worker)
	adopt(columns, "split", &r.Split)
	if r.PromptID == "" {
		r.PromptID = PromptID(p.prompt)
	}
	r.Completions = twoCompletions(p.chosen, p.rejected)
	adoptIDs(columns, r.Completions)
	if p.promptText && len(p.prompt) == 1 {
		r.Extra.Set("prompt", encode(p.prompt[0].Content))
	}
	origin := Origin{Format: format, Columns: columns}
	r.Extra.Set("origin", encode(origin))
	if again, ok := pairRow(format, r, Pair{0, 1}); !ok || !equalMembers(again, row) {
		origin.Verbatim = row.Without(names(columns)...)
		r.Extra.Set("origin", encode(origin))
	}
	return r, r.Validate()
}

// twoCompletions gives equal texts different ids.
func twoCompletions(chosen, rejected string) []Completion {
	a, b := CompletionID(chosen), CompletionID(rejected)
	if a == b {
		b += "-2"
	}
	return []Completion{{ID: a, Text: chosen}, {ID: b, Text: rejected}}
}

// adopt copies a non-empty string column into a field.
func adopt(columns Fields, name string, dst *string) {
	var v string
	if raw, ok := columns.Get(name); ok && decodeString(raw, &v) == nil && v != "" {
		*dst = v
	}
}

// adoptIDs takes the columns chosen_id and rejected_id where both are strings or
// whole numbers, and different. Without a prompt_id beside them they may mean
// anything, so they stay columns.
func adoptIDs(columns Fields, completions []Completion) {
	if !columns.Has("prompt_id") {
		return
	}
	ids := [2]string{}
	for i, name := range []string{"chosen_id", "rejected_id"} {
		raw, _ := columns.Get(name)
		var n *int
		if len(raw) > 0 && decodeString(raw, &ids[i]) != nil && decodeInt(raw, &n) == nil && n != nil {
			ids[i] = strconv.Itoa(*n)
		}
	}
	if ids[0] != "" && ids[1] != "" && ids[0] != ids[1] {
		completions[0].ID, completions[1].ID = ids[0], ids[1]
	}
}

func ranks(values ...int) []*int {
	out := make([]*int, len(values))
	for i := range values {
		out[i] = &values[i]
	}
	return out
}

func names(fields Fields) []string {
	out := make([]string, len(fields))
	for i, f := range fields {
		out[i] = f.Name
	}
	return out
}

// equalMembers compares prompt, chosen and rejected as JSON values.
func equalMembers(a, b Fields) bool {
	for _, name := range []string{"prompt", "chosen", "rejected"} {
		x, okX := a.Get(name)
		y, okY := b.Get(name)
		if okX != okY || okX && !equalJSON(x, y) {
			return false
		}
	}
	return true
}

// equalJSON compares values, not spelling; numbers are compared as written.
func equalJSON(a, b json.RawMessage) bool {
	return canonical(a) == canonical(b)
}

// canonical rewrites a value with sorted members and one spelling of strings.
func canonical(raw json.RawMessage) string {
	switch kind(raw) {
	case "a string":
		var s string
		if decodeString(raw, &s) != nil {
			return string(raw)
		}
		return string(encode(s))
	case "a list":
		var list []json.RawMessage
		if json.Unmarshal(raw, &list) != nil {
			return string(raw)
		}
		out := "["
		for _, e := range list {
			out += canonical(e) + ","
		}
		return out + "]"
	case "an object":
		var m map[string]json.RawMessage
		if json.Unmarshal(raw, &m) != nil {
			return string(raw)
		}
		sorted := map[string]string{}
		for k, v := range m {
			sorted[k] = canonical(v)
		}
		return string(encode(sorted)) // maps are written with sorted keys
	}
	return string(raw)
}
