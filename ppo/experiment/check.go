package experiment

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
)

// CheckCmd is `agora experiment check`: the checker as a program of its own, for exec: rewards.
type CheckCmd struct {
	What string `arg:"" enum:"exact,form" help:"exact: 1 where the number behind the last #### is the prompt's answer; form: 1 where there is one number behind ####."`
}

// Help shows how to use it.
func (*CheckCmd) Help() string {
	return `Reads JSON lines with "completion" and, for exact, "answer" (a number or a string), writes {"score": 0 or 1} for each, as exec: rewards do.

Example:
  agora rloo train --policy sft --reward 'exec:agora experiment check exact' --prompts gsm8k.jsonl --out runs/sums`
}

// Run checks until the input ends.
func (c *CheckCmd) Run(context.Context) error {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<24)
	out := bufio.NewWriter(os.Stdout)
	for n := 1; in.Scan(); n++ {
		score, err := c.score(in.Bytes())
		if err != nil {
			return errors.Join(fmt.Errorf("line %d: %w", n, err), out.Flush())
		}
		fmt.Fprintf(out, "{\"score\": %d}\n", score)
	}
	return errors.Join(in.Err(), out.Flush())
}

// score is 1 or 0 for a line.
func (c *CheckCmd) score(line []byte) (int, error) {
	var row struct {
		Completion *string
		Answer     json.RawMessage
	}
	if err := json.Unmarshal(line, &row); err != nil {
		return 0, err
	}
	if row.Completion == nil {
		return 0, errors.New(`no "completion"`)
	}
	want := ""
	if c.What == "exact" {
		var err error
		if want, err = answerOf(row.Answer); err != nil {
			return 0, err
		}
	}
	if got, ok := finalNumber(*row.Completion); ok && (c.What == "form" || got == want) {
		return 1, nil
	}
	return 0, nil
}

// answerOf is the answer as finalNumber writes numbers: a string is taken as it stands, 5 and 5.0 are "5".
func answerOf(raw json.RawMessage) (string, error) {
	var v any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&v); err != nil || v == nil {
		return "", errors.New(`no "answer": exact compares the number behind #### with it`)
	}
	switch v := v.(type) {
	case string:
		return v, nil
	case json.Number:
		if !strings.ContainsAny(v.String(), ".eE") {
			return v.String(), nil
		}
		f, err := v.Float64()
		if err != nil {
			return "", fmt.Errorf(`"answer": %w`, err)
		}
		return strconv.FormatFloat(f, 'f', -1, 64), nil
	}
	return "", fmt.Errorf(`"answer" is %s, want a number or a string`, raw)
}

var afterHashes = regexp.MustCompile(`####\s*\$?(-?[0-9][0-9,]*(?:\.[0-9]+)?)\s*$`)

// finalNumber is the number behind ####, without thousands separators.
func finalNumber(text string) (string, bool) {
	m := afterHashes.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		return "", false
	}
	return strings.ReplaceAll(m[1], ",", ""), true
}
