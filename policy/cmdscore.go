package policy

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"agora/policy/cpu"
	"agora/policy/graph"
	"agora/reward/prefs"
)

// ScoreCmd is `agora policy score`.
type ScoreCmd struct {
	common
	Policy string   `name:"policy" required:"" placeholder:"DIR" help:"Model to score with."`
	Data   []string `name:"data" required:"" placeholder:"FILE" help:"Rows with prompt_tokens and completion_tokens, completions/1, or demonstrations; may be repeated."`
	Logits int      `name:"logits" default:"0" help:"Add the first N logits at the last prompt position."`
}

// Help is shown by --help.
func (*ScoreCmd) Help() string {
	return `Prints for every completion a line {"tokens","logprobs","sum"}: its token ids, the
log-probability of each in nats, and their sum. A completion given as text is followed by the end
token; one given as completion_tokens is taken as it is.

  agora policy score --policy sft --data completions.jsonl
  echo '{"prompt_tokens":[5,6],"completion_tokens":[7]}' > row.jsonl
  agora policy score --policy sft --data row.jsonl --logits 10`
}

// scoredRow is one line of output.
type scoredRow struct {
	PromptID string    `json:"prompt_id,omitempty"`
	ID       string    `json:"id,omitempty"`
	Tokens   []int32   `json:"tokens"`
	LogProbs []float32 `json:"logprobs"`
	Sum      float64   `json:"sum"`
	Logits   []float32 `json:"logits,omitempty"`

	seq Sequence
}

// Run scores.
func (c *ScoreCmd) Run(ctx context.Context) error {
	m, err := LoadPolicy(c.Policy)
	if err != nil {
		return err
	}
	dev, err := cpu.Open(c.Workers)
	if err != nil {
		return err
	}
	return c.score(ctx, dev, m, os.Stdout)
}

func (c *ScoreCmd) score(ctx context.Context, dev *cpu.Device, m *Model, w io.Writer) error {
	if c.Logits < 0 || c.Logits > m.Config.Vocab {
		return fmt.Errorf("--logits %d: the vocabulary has %d tokens", c.Logits, m.Config.Vocab)
	}
	rows, err := scoreRows(m, c.Data)
	if err != nil {
		return err
	}
	scorer, err := NewScorer(dev, m, 0, 1)
	if err != nil {
		return err
	}
	seqs := make([]Sequence, len(rows))
	for i, r := range rows {
		seqs[i] = r.seq
	}
	scores, err := scorer.Score(ctx, seqs)
	if err != nil {
		return err
	}
	enc := json.NewEncoder(w)
	for i, r := range rows {
		r.Tokens, r.LogProbs, r.Sum = r.seq.Tokens[r.seq.From:], scores[i].LogProbs, scores[i].Sum()
		if c.Logits > 0 {
			logits, err := Logits(dev, m, r.seq.Tokens[:r.seq.From])
			if err != nil {
				return err
			}
			r.Logits = logits[:c.Logits]
		}
		if err := enc.Encode(r); err != nil {
			return err
		}
	}
	return nil
}

// Logits is the row of logits after the last of tokens, one for each id of the vocabulary.
func Logits(dev *cpu.Device, m *Model, tokens []int32) ([]float32, error) {
	g := graph.New(m.Params)
	in := m.NewInput(g, "logits", g.Dim("tokens", len(tokens)), g.Dim("seqs", 1))
	last := g.Ints("last", g.Dim("last", 1))
	out := g.Logits(g.GatherRows(m.Hidden(g, in), last), m.Output(in))
	prog, err := dev.Compile(g, out)
	if err != nil {
		return nil, err
	}
	var f graph.Feeds
	f.Ints(in.IDs, tokens)
	f.Layout(in.Layout, []int32{int32(len(tokens))}, nil, nil)
	f.Ints(last, []int32{int32(len(tokens) - 1)})
	if err := prog.Run(&f); err != nil {
		return nil, err
	}
	return append([]float32(nil), prog.Floats(out)...), nil
}

// scoreRows reads the files; every completion of a row becomes a line.
func scoreRows(m *Model, files []string) ([]scoredRow, error) {
	var rows []scoredRow
	for _, file := range files {
		data, err := readPlain(file)
		if err != nil {
			return nil, err
		}
		n := len(rows)
		switch {
		case isTokenRow(data):
			rows, err = tokenRows(rows, file, data)
		case isPlainRow(data):
			rows, err = exampleRows(rows, m, file)
		default:
			rows, err = textRows(rows, m, file)
		}
		if err != nil {
			return nil, err
		}
		for i, r := range rows[n:] {
			if err := r.seq.check(fmt.Sprintf("%s: row %d", file, i+1), m.Config.Vocab, m.Config.Context); err != nil {
				return nil, err
			}
		}
	}
	return rows, nil
}

type tokenRow struct {
	Prompt     []int32 `json:"prompt_tokens"`
	Completion []int32 `json:"completion_tokens"`
}

func isTokenRow(data []byte) bool {
	first, _, _ := bytes.Cut(data, []byte("\n"))
	var row map[string]json.RawMessage
	return json.Unmarshal(first, &row) == nil && (row["prompt_tokens"] != nil || row["completion_tokens"] != nil)
}

func tokenRows(rows []scoredRow, file string, data []byte) ([]scoredRow, error) {
	line := 0
	for text := range bytes.Lines(data) {
		line++
		if len(bytes.TrimSpace(text)) == 0 {
			continue
		}
		var row tokenRow
		if err := json.Unmarshal(text, &row); err != nil {
			return nil, fmt.Errorf("%s: line %d: %w", file, line, err)
		}
		if len(row.Prompt) == 0 || len(row.Completion) == 0 {
			return nil, fmt.Errorf("%s: line %d: prompt_tokens and completion_tokens must not be empty", file, line)
		}
		rows = append(rows, scoredRow{seq: Join(row.Prompt, row.Completion)})
	}
	return rows, nil
}

// textRow is a completion given as text.
func textRow(m *Model, promptID, id string, prompt []prefs.Message, completion string) scoredRow {
	seq := Join(m.Template.Prompt(m.Tokenizer, prompt), m.Template.Completion(m.Tokenizer, completion))
	return scoredRow{PromptID: promptID, ID: id, seq: seq}
}

func exampleRows(rows []scoredRow, m *Model, file string) ([]scoredRow, error) {
	examples, err := ReadExamples([]string{file})
	for _, e := range examples {
		rows = append(rows, textRow(m, "", "", e.Prompt, e.Completion))
	}
	return rows, err
}

func textRows(rows []scoredRow, m *Model, file string) ([]scoredRow, error) {
	if text, err := isText(file); err != nil {
		return nil, err
	} else if text {
		return nil, fmt.Errorf("%s: plain text has no completions to score; policy eval takes it", file)
	}
	for r, err := range prefs.Read(file, prefs.Auto) {
		if err != nil {
			return nil, err
		}
		switch r := r.(type) {
		case *prefs.Demo:
			rows = append(rows, textRow(m, r.PromptID, "", r.Prompt, r.Completion))
		case *prefs.Completions:
			for _, c := range r.Completions {
				rows = append(rows, textRow(m, r.PromptID, c.ID, r.Prompt, c.Text))
			}
		case *prefs.Ranked:
			for _, c := range r.Completions {
				rows = append(rows, textRow(m, r.PromptID, c.ID, r.Prompt, c.Text))
			}
		default:
			return nil, fmt.Errorf("%s: %s rows have no completions to score", file, r.Schema())
		}
	}
	return rows, nil
}
