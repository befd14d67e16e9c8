package policy

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"agora/reward/prefs"
)

func fixture(t *testing.T, name string) *Model {
	t.Helper()
	m, err := Load(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestSampleThenScore: what `policy sample` prints, `policy score` reads: a line for each completion.
// (That both give the same log-probabilities for the same tokens is TestSampleEqualsScore; a text that
// was sampled may be encoded in another way.)
func TestSampleThenScore(t *testing.T) {
	m := fixture(t, "llama")
	c := SampleCmd{Prompt: []string{"It was", "Call me", ""}, N: 5, MaxNew: 30, Temperature: 1, Seed: 3, Batch: 4}
	prompts, err := c.readPrompts(m)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := c.sample(context.Background(), testDevice(t), m, prompts, &out); err != nil {
		t.Fatal(err)
	}
	path := writeFile(t, "c.jsonl", out.String())
	for r, err := range prefs.Read(path, prefs.Auto) {
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range r.(*prefs.Completions).Completions {
			if s.Policy != m.Hash || !strings.HasPrefix(s.Policy, "sha256:") || s.LogProb == nil || *s.LogProb >= 0 ||
				s.Finish != FinishEOS && s.Finish != FinishLength {
				t.Errorf("completion %+v", s)
			}
		}
	}
	var scored bytes.Buffer
	score := ScoreCmd{Data: []string{path}}
	if err := score.score(context.Background(), testDevice(t), m, &scored); err != nil {
		t.Fatal(err)
	}
	rows := 0
	for line := range strings.Lines(scored.String()) {
		var row scoredRow
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatal(err)
		}
		rows++
		var sum float64
		for _, x := range row.LogProbs {
			sum += float64(x)
		}
		if len(row.Tokens) != len(row.LogProbs) || math.Abs(sum-row.Sum) > 1e-9 {
			t.Errorf("row %s: %d tokens, %d log-probabilities, sum %v", row.ID, len(row.Tokens), len(row.LogProbs), row.Sum)
		}
	}
	if rows != 15 {
		t.Errorf("%d rows for 15 completions", rows)
	}
}

// TestScoreTokens: raw ids, with logits, against what transformers computed.
func TestScoreTokens(t *testing.T) {
	m := fixture(t, "gpt2")
	path := writeFile(t, "rows.jsonl", `{"prompt_tokens":[0,5,6],"completion_tokens":[7,8]}`+"\n")
	var out bytes.Buffer
	c := ScoreCmd{Data: []string{path}, Logits: 10}
	if err := c.score(context.Background(), testDevice(t), m, &out); err != nil {
		t.Fatal(err)
	}
	var row scoredRow
	if err := json.Unmarshal(out.Bytes(), &row); err != nil {
		t.Fatal(err)
	}
	logits, err := Logits(testDevice(t), m, []int32{0, 5, 6})
	if err != nil {
		t.Fatal(err)
	}
	var total float64
	for _, x := range logits {
		total += math.Exp(float64(x))
	}
	want := float64(logits[7]) - math.Log(total)
	if len(row.Logits) != 10 || row.Logits[9] != logits[9] || len(row.LogProbs) != 2 || math.Abs(float64(row.LogProbs[0])-want) > 1e-4 {
		t.Errorf("got %+v, want first log-probability %v and logits %v", row, want, logits[:10])
	}
}

func TestScoreRefuses(t *testing.T) {
	m := fixture(t, "gpt2")
	for _, c := range []struct{ name, file, text, want string }{
		{"no prompt", "a.jsonl", `{"prompt_tokens":[],"completion_tokens":[7]}`, "line 1"},
		{"vocabulary", "a.jsonl", `{"prompt_tokens":[1],"completion_tokens":[99999]}`, "vocabulary"},
		{"text", "a.txt", "hello", "policy eval"},
		{"prompts", "a.jsonl", `{"schema":"prompt/1","prompt_id":"p","prompt":"Sky?"}`, "no completions"},
		{"long", "a.jsonl", `{"prompt":"Sky?","completion":"` + strings.Repeat("x y z ", 60) + `"}`, "context of 64"},
	} {
		_, err := scoreRows(m, []string{writeFile(t, c.file, c.text)})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
}

// TestEvalSequences: every token of a text counts once, however it is cut; of demonstrations only
// the completion counts.
func TestEvalSequences(t *testing.T) {
	m := fixture(t, "llama")
	text := strings.Repeat("It was the age of wisdom. ", 40)
	seqs, err := evalSequences(m, []string{writeFile(t, "a.txt", text)}, DocumentFile)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, s := range seqs {
		n += s.Counted()
		if len(s.Tokens)-1 > m.Config.Context {
			t.Errorf("a sequence of %d tokens", len(s.Tokens))
		}
	}
	if want := len(m.Tokenizer.Encode(text)) + 1; n != want { // and the end token
		t.Errorf("%d tokens count, want %d", n, want)
	}
	seqs, err = evalSequences(m, []string{writeFile(t, "a.jsonl", `{"prompt":"Sky?","completion":"Blue."}`)}, DocumentFile)
	if err != nil || len(seqs) != 1 || seqs[0].Counted() != len(m.Tokenizer.Encode("Blue."))+1 {
		t.Errorf("demonstration: %+v (%v)", seqs, err)
	}
}

// TestContextEnds: a sequence that fills the context ends there.
func TestContextEnds(t *testing.T) {
	m := fixture(t, "llama")
	s := sampler(t, m, 2)
	prompt := make([]int32, 60)
	got := sample(t, s, []Request{{Prompt: prompt}}, Sampling{MaxNew: 50, IgnoreEnd: true, Temperature: 1})[0]
	if len(got.Tokens) != 5 || got.Finish != FinishLength { // the last token needs no room
		t.Errorf("%d tokens after 60 in a context of 64, %s", len(got.Tokens), got.Finish)
	}
	if _, err := s.Sample(context.Background(), []Request{{Prompt: make([]int32, 64)}}, Sampling{MaxNew: 1}, nil); err == nil || !strings.Contains(err.Error(), "no room") {
		t.Errorf("a full context: %v", err)
	}
}

// TestSampleNamesTheLongPrompt: a prompt without room is found before sampling, by file and line.
func TestSampleNamesTheLongPrompt(t *testing.T) {
	m := fixture(t, "llama")
	long := strings.Repeat("word ", 200)
	for name, rows := range map[string]string{"p.jsonl": `{"prompt":"a"}` + "\n\n" + `{"prompt":"` + long + `"}` + "\n", "p.txt": "a\nb\n" + long + "\n"} {
		c := SampleCmd{Prompts: writeFile(t, name, rows)}
		if _, err := c.readPrompts(m); err == nil || !strings.Contains(err.Error(), name+":3: the prompt has ") || !strings.Contains(err.Error(), "the context is 64") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	c := SampleCmd{Prompt: []string{long}}
	if _, err := c.readPrompts(m); err == nil || !strings.Contains(err.Error(), "--prompt") {
		t.Errorf("got %v", err)
	}
}
