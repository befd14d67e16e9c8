package experiment

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"agora/policy/base"
	"agora/reward/prefs"
)

// The texts of the pluralism experiment: questions, each answered in five registers (the test set of Cheng
// et al. 2023, arXiv:2309.03126), cut into pieces of a sentence or a few. Three of the five (normal,
// academy, business) hardly differ in such a piece and count as one here: plain.

// tastes are two groups that disagree about the register that the larger one likes best.
var tastes = []taste{
	{"lively", 3, map[string]int{"entertainment": 1, "literature": 2, "normal": 3, "academy": 3, "business": 3}},
	{"earnest", 1, map[string]int{"literature": 1, "normal": 2, "academy": 2, "business": 2, "entertainment": 3}},
}

// A taste is a group of labelers: its name, how many of four labelers belong to it, and where it ranks
// each register.
type taste struct {
	name  string
	of4   int
	ranks map[string]int
}

// question is one of the set.
type question struct {
	Query     string            `json:"query"`
	Responses map[string]string `json:"responses"`

	pieces map[string][]string // of the responses, by register
}

// registers in the order in which they are shown.
var registers = []string{"normal", "academy", "business", "entertainment", "literature"}

// longestAnswer and shortestAnswer bound the pieces, in characters.
const longestAnswer, shortestAnswer = 150, 25

// has says whether the question has a piece of that number in a register.
func (q question) has(register string, k int) bool { return k < len(q.pieces[register]) }

// lists is how many times pieces of one number can be ranked: while there is a lively, a poetic and a plain one.
func (q question) lists() int {
	plain := max(len(q.pieces["normal"]), len(q.pieces["academy"]), len(q.pieces["business"]))
	return min(plain, len(q.pieces["entertainment"]), len(q.pieces["literature"]))
}

// readQuestions reads those that have a lively, a poetic and a plain piece and pass the word filter.
func readQuestions(data string) ([]question, error) {
	var all, kept []question
	if err := readGzipJSON(filepath.Join(data, "data/dsp-personas/domain_specific_preference.test.json.gz"), &all); err != nil {
		return nil, err
	}
	for _, q := range all {
		if base.Offends(q.Query) != "" {
			continue
		}
		q.pieces = map[string][]string{}
		for register, text := range q.Responses {
			for _, piece := range pieces(text) {
				if base.Offends(piece) == "" {
					q.pieces[register] = append(q.pieces[register], piece)
				}
			}
		}
		if q.lists() > 0 {
			kept = append(kept, q)
		}
	}
	return kept, nil
}

func readGzipJSON(path string, into any) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("%w (--data names the folder of the large data sets)", err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := json.NewDecoder(z).Decode(into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// pieces cuts a text into as many whole sentences as fit, one piece after the other; a sentence that is too long
// by itself is left out, and so is a piece of a few signs.
func pieces(text string) []string {
	var out []string
	rest := sentences(text)
	for len(rest) > 0 {
		n, piece := fitting(rest, longestAnswer)
		if len(piece) >= shortestAnswer {
			out = append(out, piece)
		}
		rest = rest[max(n, 1):]
	}
	return out
}

// firstSentences are as many whole sentences as fit.
func firstSentences(text string, most int) string {
	_, first := fitting(sentences(text), most)
	return first
}

// fitting joins the first n sentences, as many as fit.
func fitting(all []string, most int) (n int, joined string) {
	for _, s := range all {
		next := strings.TrimSpace(joined + " " + s)
		if len(next) > most {
			break
		}
		n, joined = n+1, next
	}
	return n, joined
}

// sentences end with a mark before a space or at the end; what has no mark behind it is left out.
func sentences(text string) []string {
	text = strings.Join(strings.Fields(text), " ")
	var out []string
	from := 0
	for i, r := range text {
		if (r == '.' || r == '!' || r == '?') && (i+1 == len(text) || text[i+1] == ' ') {
			out = append(out, strings.TrimSpace(text[from:i+1]))
			from = i + 1
		}
	}
	return out
}

// asked is a question as a prompt, and answer what comes behind it.
func asked(q string) []prefs.Message { return prefs.Plain(q) }
func answer(text string) string      { return "\n" + text }

// registerFiles are the experiment's data: SFT and preferences on one half of the questions, the golds'
// judgments on the other, where policies are compared too.
type registerFiles struct {
	demos, single, weighted, prompts string
	gold                             map[string]string // by taste
	eval                             []*prefs.Prompt
}

// writeRegisters writes the files. Most demonstrations are plain, one in ten each is lively or poetic: the
// policy can write all three, and mostly writes plain.
func writeRegisters(l *lab, data string) (f registerFiles, err error) {
	questions, err := readQuestions(data)
	if err != nil {
		return f, err
	}
	half := len(questions) / 2
	mine, other := questions[:half], questions[half:]
	plain, err := plainDemos(data, 5*half)
	if err != nil {
		return f, err
	}
	f.gold = map[string]string{}
	write := func(name string, format prefs.Format, records iter.Seq2[prefs.Record, error]) string {
		path := l.path("data", name)
		if err == nil {
			err = os.MkdirAll(l.path("data"), 0o755)
		}
		if err == nil {
			_, err = prefs.Write(path, format, records, prefs.About{Licence: "CC BY-NC 4.0 (questions and answers); not to be shipped"})
		}
		return path
	}
	f.demos = write("registers-demos.jsonl", prefs.FormatDemo, registerDemos(mine, plain))
	f.single = write("registers-rankings.jsonl", prefs.FormatRanked, tasteRankings(mine, tastes, false))
	f.weighted = write("registers-rankings-weighted.jsonl", prefs.FormatRanked, tasteRankings(mine, tastes, true))
	f.prompts = write("registers-questions.jsonl", prefs.FormatPrompt, questionPrompts(mine))
	for _, t := range tastes {
		f.gold[t.name] = write("registers-gold-"+t.name+".jsonl", prefs.FormatRanked, tasteRankings(other, []taste{t}, false))
	}
	for i, q := range other {
		f.eval = append(f.eval, &prefs.Prompt{PromptID: fmt.Sprintf("e%d", i), Prompt: asked(q.Query)})
	}
	return f, err
}

// plainDemos are first sentences of ordinary answers to other questions.
func plainDemos(data string, n int) ([]*prefs.Demo, error) {
	var rows []struct{ Instruction, Input, Output string }
	if err := readGzipJSON(filepath.Join(data, "data/alpaca/alpaca_data.json.gz"), &rows); err != nil {
		return nil, err
	}
	var out []*prefs.Demo
	for i := 0; i < len(rows) && len(out) < n; i += 7 {
		r := rows[i]
		text := firstSentences(r.Output, longestAnswer)
		if r.Input != "" || len(text) < 30 || len(r.Instruction) > 110 || base.Offends(r.Instruction+" "+text) != "" {
			continue
		}
		out = append(out, &prefs.Demo{PromptID: fmt.Sprintf("a%d", i), Prompt: asked(r.Instruction), Completion: answer(text)})
	}
	return out, nil
}

func registerDemos(questions []question, plain []*prefs.Demo) iter.Seq2[prefs.Record, error] {
	return func(yield func(prefs.Record, error) bool) {
		for i, q := range questions {
			for _, register := range registers {
				if q.has(register, 0) && !yield(&prefs.Demo{PromptID: fmt.Sprintf("q%d", i), Prompt: asked(q.Query), Completion: answer(q.pieces[register][0])}, nil) {
					return
				}
			}
		}
		for _, d := range plain {
			if !yield(d, nil) {
				return
			}
		}
	}
}

// tasteRankings are rankings of the answers in several registers, each by one labeler: of the groups by turns,
// as many of four as belong to it. Weighted, both groups weigh alike (raked to one half).
func tasteRankings(questions []question, groups []taste, weighted bool) iter.Seq2[prefs.Record, error] {
	return func(yield func(prefs.Record, error) bool) {
		n := 0
		for i, q := range questions {
			for k := range q.lists() {
				if !yield(groupOf(groups, n).ranking(q, i, k, n, weighted), nil) {
					return
				}
				n++
			}
		}
	}
}

// groupOf is the group whose turn it is.
func groupOf(groups []taste, n int) taste {
	n %= 4
	for _, t := range groups {
		if n -= t.of4; n < 0 {
			return t
		}
	}
	return groups[0] // the only one
}

// ranking is one labeler's of the pieces k of question i.
func (t taste) ranking(q question, i, k, n int, weighted bool) *prefs.Ranked {
	r := &prefs.Ranked{PromptID: fmt.Sprintf("q%d", i), Prompt: asked(q.Query), Worker: fmt.Sprintf("%s-%d", t.name, n/4%12), Groups: map[string]*string{"taste": &t.name}}
	for _, register := range registers {
		if !q.has(register, k) {
			continue
		}
		rank := t.ranks[register]
		r.Completions = append(r.Completions, prefs.Completion{ID: register, Text: answer(q.pieces[register][k])})
		r.Ranks = append(r.Ranks, &rank)
	}
	if weighted {
		weight := 2 / float64(t.of4) // of four labelers: three weigh 2/3 each, one weighs 2
		r.Weight = &weight
	}
	return r
}

func questionPrompts(questions []question) iter.Seq2[prefs.Record, error] {
	return func(yield func(prefs.Record, error) bool) {
		for i, q := range questions {
			if !yield(&prefs.Prompt{PromptID: fmt.Sprintf("q%d", i), Prompt: asked(q.Query)}, nil) {
				return
			}
		}
	}
}
