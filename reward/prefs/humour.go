package prefs

import (
	"strconv"
)

// maxVotes bounds the judgments that one row may stand for.
const maxVotes = 10000

// parseHumour reads {"prompt","chosen","rejected","chosen_id","rejected_id",
// "votes_chosen","votes_rejected"}: votes_chosen people preferred chosen,
// votes_rejected the other. Each vote becomes a ranked/1 line of its own, since
// such a line is one person's judgment; who voted is not known.
func parseHumour(row Fields) ([]Record, error) {
	prompt := side{isText: true}
	if row.Has("prompt") {
		var err error
		if prompt, err = column(row, "prompt"); err != nil {
			return nil, err
		}
	}
	chosen, err := stringColumn(row, "chosen")
	if err != nil {
		return nil, err
	}
	rejected, err := stringColumn(row, "rejected")
	if err != nil {
		return nil, err
	}
	completions := twoCompletions(chosen, rejected)
	if err := humourIDs(row, completions); err != nil {
		return nil, err
	}
	var votes [2]int
	for i, name := range []string{"votes_chosen", "votes_rejected"} {
		if votes[i], err = countColumn(row, name); err != nil {
			return nil, err
		}
	}
	if votes[0]+votes[1] == 0 {
		return nil, fieldErrorf("votes_chosen", "and votes_rejected are both 0")
	}
	columns := row.Without("prompt", "chosen", "rejected", "chosen_id", "rejected_id", "votes_chosen", "votes_rejected")
	var records []Record
	for i := range votes[0] + votes[1] {
		r := &Ranked{Prompt: prompt.asPrompt(), Completions: completions, Ranks: ranks(1, 2), Extra: foreignExtra(prompt, columns)}
		if i >= votes[0] {
			r.Ranks = ranks(2, 1)
		}
		if r.Prompt == nil {
			r.Prompt = []Message{}
		}
		r.Extra.Set("origin", encode(Origin{Format: FormatHumour, Columns: columns}))
		r.PromptID = PromptID(r.Prompt)
		adopt(columns, "prompt_id", &r.PromptID)
		adopt(columns, "split", &r.Split)
		if err := r.Validate(); err != nil {
			return nil, err
		}
		records = append(records, r)
	}
	return records, nil
}

// humourIDs takes the text ids, numbers or strings, where the row has them.
func humourIDs(row Fields, completions []Completion) error {
	if !row.Has("chosen_id") && !row.Has("rejected_id") {
		return nil
	}
	for i, name := range []string{"chosen_id", "rejected_id"} {
		raw, ok := row.Get(name)
		if !ok {
			return fieldErrorf(name, "is missing")
		}
		if kind(raw) == "a string" {
			if err := decodeString(raw, &completions[i].ID); err != nil {
				return &FieldError{name, err}
			}
			continue
		}
		var n *int
		if err := decodeInt(raw, &n); err != nil || n == nil {
			return fieldErrorf(name, "must be a whole number or a string, is %s", kind(raw))
		}
		completions[i].ID = strconv.Itoa(*n)
	}
	return nil
}

func countColumn(row Fields, name string) (int, error) {
	raw, ok := row.Get(name)
	if !ok {
		return 0, fieldErrorf(name, "is missing")
	}
	var n *int
	if err := decodeInt(raw, &n); err != nil || n == nil || *n < 0 || *n > maxVotes {
		return 0, &FieldError{name, faultf("must be a whole number from 0 to %d, is %s", maxVotes, kind(raw))}
	}
	return *n, nil
}
