package reward

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os/exec"
	"strings"
	"time"

	"agora/reward/prefs"
)

// Command is a reward that a program computes: a shell command that reads one JSON
// line per completion,
//
//	{"prompt_id":"p1","prompt":[{"role":"user","content":"2+2?"}],"completion":" 4", …}
//
// with the further members of the prompt's record behind (an answer to check
// against, say), and writes as many lines {"score": 1.5} in the same order. It is
// started once for each batch. Resumed runs are bit-equal if the command gives equal
// answers to equal lines.
//
// It comes from the command line only, never from a file or a database: whoever
// sets it runs programs.
type Command string

// CommandRow is one completion to judge.
type CommandRow struct {
	PromptID   string
	Prompt     []prefs.Message
	Completion string
	Extra      prefs.Fields // further members of the prompt's record
}

// Score runs the command on the rows.
func (c Command) Score(ctx context.Context, rows []CommandRow) ([]float32, error) {
	var in, out, said bytes.Buffer
	for _, r := range rows {
		line, err := r.line()
		if err != nil {
			return nil, err
		}
		in.Write(line)
	}
	cmd := exec.CommandContext(ctx, "sh", "-c", string(c))
	cmd.Stdin, cmd.Stdout, cmd.Stderr = &in, &out, &said
	cmd.WaitDelay = 5 * time.Second // for children that outlive the shell
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("exec:%s: %w%s", c, err, lastLine(said.String()))
	}
	scores, err := readScores(&out, rows)
	if err != nil {
		return nil, fmt.Errorf("exec:%s: %w", c, err)
	}
	return scores, nil
}

// line is the row as the command reads it.
func (r CommandRow) line() ([]byte, error) {
	type turn struct {
		Role    string `json:"role"`
		Content string `json:"content"`
	}
	turns := make([]turn, len(r.Prompt))
	for i, m := range r.Prompt {
		turns[i] = turn{m.Role, m.Content}
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	row := map[string]any{}
	for _, f := range r.Extra {
		row[f.Name] = f.Value
	}
	row["prompt_id"], row["prompt"], row["completion"] = r.PromptID, turns, r.Completion
	err := enc.Encode(row)
	return out.Bytes(), err
}

// readScores reads a line for each row.
func readScores(in io.Reader, rows []CommandRow) ([]float32, error) {
	dec, n := json.NewDecoder(in), len(rows)
	out := make([]float32, 0, n)
	for {
		var row struct {
			Score *float64 `json:"score"`
		}
		err := dec.Decode(&row)
		switch {
		case errors.Is(err, io.EOF) && len(out) == n:
			return out, nil
		case errors.Is(err, io.EOF):
			return nil, fmt.Errorf("answered %d of %d lines", len(out), n)
		case err != nil:
			return nil, fmt.Errorf("line %d of the answer: %w", len(out)+1, err)
		case len(out) == n:
			return nil, fmt.Errorf("answered more than the %d lines it was given", n)
		case row.Score == nil || math.IsNaN(*row.Score):
			return nil, fmt.Errorf(`line %d of the answer has no "score"`, len(out)+1)
		case math.Abs(*row.Score) > math.MaxFloat32:
			return nil, fmt.Errorf("line %d of the answer, prompt %s: score %g is beyond ±%.3g, the range of float32", len(out)+1, rows[len(out)].PromptID, *row.Score, math.MaxFloat32)
		}
		out = append(out, float32(*row.Score))
	}
}

// lastLine is what a failed command said last, for the message.
func lastLine(text string) string {
	text = strings.TrimSpace(text)
	if text == "" {
		return ""
	}
	return ": " + text[strings.LastIndexByte(text, '\n')+1:]
}
