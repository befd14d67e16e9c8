package experiment

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"

	"agora/policy/base"
	"agora/reward/prefs"
)

// A comparison of two answers to one prompt by a person, as the four sets of the SmolLM2 experiment have them.
type chatPair struct {
	set    string
	prompt string
	a, b   string // a was preferred
}

// Bounds on the texts, in characters: what a hundred tokens hold.
const longestPrompt, longestReply = 320, 420

// readChat reads the single-turn comparisons of hh-rlhf helpful (Bai et al. 2022), WebGPT (Nakano et al.
// 2021), Auto-J (Li et al. 2023) and fine-grained RLHF (Wu et al. 2023) that are short enough, ties left
// out.
func readChat(data string) ([]chatPair, error) {
	var out []chatPair
	for _, read := range []func(string) ([]chatPair, error){readHH, readWebGPT, readAutoJ, readFineGrained} {
		pairs, err := read(filepath.Join(data, "data"))
		if err != nil {
			return nil, err
		}
		for _, p := range pairs {
			p.prompt, p.a, p.b = strings.TrimSpace(p.prompt), strings.TrimSpace(p.a), strings.TrimSpace(p.b)
			if p.a == "" || p.b == "" || p.a == p.b || len(p.prompt) > longestPrompt || len(p.a) > longestReply || len(p.b) > longestReply {
				continue
			}
			out = append(out, p)
		}
	}
	return out, nil
}

func readHH(dir string) (out []chatPair, err error) {
	path := filepath.Join(dir, "hh-rlhf/helpful-base.test.head90.jsonl.gz")
	err = eachLine(path, func(line []byte) error {
		var row struct{ Chosen, Rejected string }
		if err := json.Unmarshal(line, &row); err != nil {
			return err
		}
		prompt, a := lastReply(row.Chosen, "\n\nHuman:", "\n\nAssistant:")
		other, b := lastReply(row.Rejected, "\n\nHuman:", "\n\nAssistant:")
		if prompt == other && prompt != "" {
			out = append(out, chatPair{"hh helpful", prompt, a, b})
		}
		return nil
	})
	return out, err
}

// lastReply takes a transcript of one question and one reply apart; of longer ones it returns nothing.
func lastReply(text, human, assistant string) (prompt, reply string) {
	if strings.Count(text, human) != 1 || strings.Count(text, assistant) != 1 {
		return "", ""
	}
	at := strings.Index(text, assistant)
	return strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(text[:at]), strings.TrimSpace(human))), text[at+len(assistant):]
}

func readWebGPT(dir string) (out []chatPair, err error) {
	var rows []struct {
		Text  [2]string
		Score [2]float64
	}
	if err := readGzipJSON(filepath.Join(dir, "webgpt/comparisons.text-score.json.gz"), &rows); err != nil {
		return nil, err
	}
	for _, r := range rows {
		prompt, a := lastReply("\n"+r.Text[0], "## Human:", "## Assistant:")
		other, b := lastReply("\n"+r.Text[1], "## Human:", "## Assistant:")
		if r.Score[0] < r.Score[1] {
			a, b = b, a
		}
		if prompt == other && r.Score[0] != r.Score[1] {
			out = append(out, chatPair{"webgpt", prompt, a, b})
		}
	}
	return out, nil
}

func readAutoJ(dir string) (out []chatPair, err error) {
	path := filepath.Join(dir, "autoj-pairwise/autoj_pairwise.jsonl.gz")
	err = eachLine(path, func(line []byte) error {
		var row struct {
			Label  json.RawMessage
			Prompt string
			First  string `json:"response 1"`
			Second string `json:"response 2"`
		}
		if err := json.Unmarshal(line, &row); err != nil {
			return err
		}
		switch strings.Trim(string(row.Label), `"`) {
		case "0":
			out = append(out, chatPair{"autoj", row.Prompt, row.First, row.Second})
		case "1":
			out = append(out, chatPair{"autoj", row.Prompt, row.Second, row.First})
		}
		return nil
	})
	return out, err
}

func readFineGrained(dir string) (out []chatPair, err error) {
	var rows []struct {
		Question   string
		P1         string `json:"prediction 1"`
		P2         string `json:"prediction 2"`
		P3         string `json:"prediction 3"`
		P4         string `json:"prediction 4"`
		Preference []int
	}
	if err := readGzipJSON(filepath.Join(dir, "fine-grained-rlhf/dev_feedback.head450.json.gz"), &rows); err != nil {
		return nil, err
	}
	for _, r := range rows {
		texts := [4]string{r.P1, r.P2, r.P3, r.P4}
		k := 0
		for i := range 4 {
			for j := i + 1; j < 4; j++ {
				if k >= len(r.Preference) {
					return nil, fmt.Errorf("fine-grained-rlhf: %q has %d preferences, want 6", r.Question, len(r.Preference))
				}
				switch r.Preference[k] {
				case 1:
					out = append(out, chatPair{"fine-grained", r.Question, texts[i], texts[j]})
				case 2:
					out = append(out, chatPair{"fine-grained", r.Question, texts[j], texts[i]})
				}
				k++
			}
		}
	}
	return out, nil
}

// side deals prompts into two halves that share none: 0 is the reward model's, 1 the gold's.
func (p chatPair) side() int { return int(bits("side "+p.prompt) % 2) }

// held says whether a pair is kept for validation, by prompt.
func (p chatPair) held() bool { return bits("held "+p.prompt)%8 == 0 }

// ranked is the pair as a record.
func (p chatPair) ranked() *prefs.Ranked {
	first, second, split := 1, 2, "train"
	if p.held() {
		split = "validation"
	}
	turns := prefs.Plain(p.prompt)
	return &prefs.Ranked{PromptID: prefs.PromptID(turns), Prompt: turns, Split: split, Groups: map[string]*string{"set": &p.set}, Ranks: []*int{&first, &second},
		Completions: []prefs.Completion{{ID: prefs.CompletionID(p.a), Text: p.a}, {ID: prefs.CompletionID(p.b), Text: p.b}}}
}

// clean says whether a prompt passes the word filter: others are learned from, but not sampled on.
func (p chatPair) clean() bool { return base.Offends(p.prompt) == "" }
