package policy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"path/filepath"
	"strings"

	"agora/reward/prefs"
)

// Example is one demonstration.
type Example struct {
	Prompt     []prefs.Message // empty where the text stands for itself
	Completion string
	Split      string // train, validation …, as the file says; mostly ""
}

// ReadExamples reads demonstrations, each file by what its first row looks like:
//
//   - demo/1, and what reward/prefs reads as such: TRL prompt-completion and messages rows;
//   - ranked/1 and other rankings: the best completion of each;
//   - {"instruction","input","output"} rows, with or without a "history" of earlier turns, in JSON
//     lines or one JSON array;
//   - {"text"} rows, and the lines of a .txt file: completions of the empty prompt.
//
// All of them also as .gz. An empty completion demonstrates nothing, and its row is left out.
func ReadExamples(files []string) ([]Example, error) {
	out, _, err := countExamples(files)
	return out, err
}

// countExamples is ReadExamples; empty is how many rows were left out.
func countExamples(files []string) (out []Example, empty int, err error) {
	for _, file := range files {
		n, here := len(out), 0
		for e, err := range readExamples(file) {
			if err != nil {
				return nil, 0, err
			}
			if e.Completion == "" {
				here++
				continue
			}
			out = append(out, e)
		}
		empty += here
		switch {
		case len(out) > n:
		case here > 0:
			return nil, 0, fmt.Errorf("%s: no example in it, only %d rows without a completion", file, here)
		default:
			return nil, 0, fmt.Errorf("%s: no example in it", file)
		}
	}
	return out, empty, nil
}

func readExamples(file string) iter.Seq2[Example, error] {
	return func(yield func(Example, error) bool) {
		fail := func(err error) { yield(Example{}, err) }
		data, err := readPlain(file)
		if err != nil {
			fail(err)
			return
		}
		if filepath.Ext(strings.TrimSuffix(file, ".gz")) == ".txt" {
			for line := range strings.Lines(string(data)) {
				if !yield(Example{Completion: strings.TrimRight(line, "\r\n")}, nil) {
					return
				}
			}
			return
		}
		if !isPlainRow(data) {
			for r, err := range prefs.Decode(bytes.NewReader(data), file, prefs.Auto) {
				e, eerr := exampleOf(r, err)
				if !yield(e, eerr) || eerr != nil {
					return
				}
			}
			return
		}
		plainRows(file, data)(yield)
	}
}

// plainRow are the rows that are no preference format.
type plainRow struct {
	Instruction *string     `json:"instruction"`
	Input       string      `json:"input"`
	Output      *string     `json:"output"`
	History     [][2]string `json:"history"` // turns before: what was asked, what was answered
	Text        *string     `json:"text"`
	Split       string      `json:"split"`
}

func (r plainRow) example() (Example, error) {
	switch {
	case r.Instruction != nil && r.Output != nil:
		prompt := *r.Instruction
		if r.Input != "" {
			prompt += "\n\n" + r.Input
		}
		var turns []prefs.Message
		for _, h := range r.History {
			turns = append(turns, prefs.Message{Role: "user", Content: h[0]}, prefs.Message{Role: "assistant", Content: h[1]})
		}
		turns = append(turns, prefs.Plain(prompt)...)
		return Example{Prompt: turns, Completion: *r.Output, Split: r.Split}, nil
	case r.Text != nil:
		return Example{Completion: *r.Text, Split: r.Split}, nil
	}
	return Example{}, fmt.Errorf(`neither "instruction" and "output" nor "text"`)
}

// isPlainRow looks at the first row only.
func isPlainRow(data []byte) bool {
	dec := json.NewDecoder(bytes.NewReader(bytes.TrimLeft(data, " \t\r\n[")))
	var row struct {
		plainRow
		Schema, Chosen, Ranks, Prompt, Score json.RawMessage
	}
	if dec.Decode(&row) != nil || row.Schema != nil || row.Chosen != nil || row.Ranks != nil || row.Prompt != nil || row.Score != nil {
		return false
	}
	_, err := row.example()
	return err == nil
}

func plainRows(file string, data []byte) iter.Seq2[Example, error] {
	return func(yield func(Example, error) bool) {
		dec := json.NewDecoder(bytes.NewReader(data))
		if bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("[")) {
			_, _ = dec.Token() // the bracket
		}
		for n := 1; dec.More(); n++ {
			var row plainRow
			err := dec.Decode(&row)
			var e Example
			if err == nil {
				e, err = row.example()
			}
			if err != nil {
				yield(e, fmt.Errorf("%s: row %d: %w", file, n, err))
				return
			}
			if !yield(e, nil) {
				return
			}
		}
	}
}

func exampleOf(r prefs.Record, err error) (Example, error) {
	if err != nil {
		return Example{}, err
	}
	switch r := r.(type) {
	case *prefs.Demo:
		return Example{Prompt: r.Prompt, Completion: r.Completion, Split: r.Split}, nil
	case *prefs.Ranked:
		return Example{Prompt: r.Prompt, Completion: best(r), Split: r.Split}, nil
	}
	return Example{}, fmt.Errorf("%s rows hold no demonstration; SFT wants demo/1, ranked/1, prompt-completion, instruction-output or text rows", r.Schema())
}

// best is the first completion with the lowest rank, "" if nothing was ranked or acceptable.
func best(r *prefs.Ranked) string {
	if r.NoneAcceptable {
		return ""
	}
	text, rank := "", 0
	for i, c := range r.Completions {
		if k := r.Ranks[i]; k != nil && (rank == 0 || *k < rank) {
			text, rank = c.Text, *k
		}
	}
	return text
}

// isText says whether a file holds plain texts rather than demonstrations.
func isText(file string) (bool, error) {
	if filepath.Ext(strings.TrimSuffix(file, ".gz")) == ".txt" {
		return true, nil
	}
	data, err := readPlain(file)
	if err != nil {
		return false, err
	}
	var row plainRow
	dec := json.NewDecoder(bytes.NewReader(bytes.TrimLeft(data, " \t\r\n[")))
	return dec.Decode(&row) == nil && row.Text != nil && row.Instruction == nil, nil
}
