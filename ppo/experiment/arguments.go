package experiment

import (
	"bufio"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"agora/reward/prefs"
)

// folds is how many groups labelers and topics are dealt into, as in InstructGPT.
const folds = 5

// judged is one judgment with the groups that a fold may hold out.
type judged struct {
	line          *prefs.Ranked
	labeler, side int  // folds of the labeler and of the topic
	held          bool // a validation pair: in no training
}

// readArguments reads the judgments of which of two arguments is more convincing (Habernal and Gurevych
// 2016), one line a judgment, of a share of the pairs.
func readArguments(data string, share float64) ([]judged, error) {
	dir := filepath.Join(data, "data/ukp-convarg1")
	texts := map[string]string{}
	err := eachLine(filepath.Join(dir, "arguments.jsonl.gz"), func(line []byte) error {
		var a struct {
			ID   string `json:"arg_id"`
			Text string `json:"text"`
		}
		err := json.Unmarshal(line, &a)
		texts[a.ID] = a.Text
		return err
	})
	if err != nil {
		return nil, err
	}
	var out []judged
	err = eachLine(filepath.Join(dir, "pairs.jsonl.gz"), func(line []byte) error {
		var p struct {
			ID        string `json:"pair_id"`
			Topic     string `json:"topic"`
			A1        string `json:"a1"`
			A2        string `json:"a2"`
			Judgments []struct{ Worker, Value string }
		}
		if err := json.Unmarshal(line, &p); err != nil {
			return err
		}
		if float64(bits("use "+p.ID)%1000) >= 1000*share {
			return nil
		}
		for _, j := range p.Judgments {
			ranks, ok := map[string][2]int{"a1": {1, 2}, "a2": {2, 1}, "equal": {1, 1}}[j.Value]
			if !ok {
				return fmt.Errorf("pair %s: value %q", p.ID, j.Value)
			}
			r := &prefs.Ranked{PromptID: p.Topic, Prompt: prefs.Plain(p.Topic), Worker: j.Worker, Ranks: []*int{&ranks[0], &ranks[1]},
				Completions: []prefs.Completion{{ID: p.A1, Text: "\n" + texts[p.A1]}, {ID: p.A2, Text: "\n" + texts[p.A2]}}}
			out = append(out, judged{line: r, labeler: int(bits(j.Worker) % folds), side: int(bits(p.Topic) % folds), held: bits("held "+p.ID)%5 == 0})
		}
		return nil
	})
	return out, err
}

func bits(s string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(s))
	x := h.Sum64() // the last bits of FNV follow the last letter: mix them
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	return x ^ x>>33
}

// eachLine reads a gzipped file of lines.
func eachLine(path string, do func(line []byte) error) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("%w (--data names the folder of the large data sets)", err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	scan := bufio.NewScanner(z)
	scan.Buffer(nil, 1<<24)
	for n := 1; scan.Scan(); n++ {
		if err := do(scan.Bytes()); err != nil {
			return fmt.Errorf("%s:%d: %w", path, n, err)
		}
	}
	return scan.Err()
}

// A rated text is one rater's mark, with what is known of the rater.
type rated struct {
	rater, text string
	mark        float64
	groups      map[string]*string
}

// readOffensiveness reads POPQUORN (Pei and Jurgens 2023): how offensive a rater found a comment, 1 to 5.
func readOffensiveness(data string) ([]rated, error) {
	path := filepath.Join(data, "data/popquorn/offensiveness.raw_data.csv.gz")
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%w (--data names the folder of the large data sets)", err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	rows := csv.NewReader(z)
	head, err := rows.Read()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	column := func(row []string, name string) string { return row[slices.Index(head, name)] }
	var out []rated
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		mark, err := strconv.ParseFloat(column(row, "offensiveness"), 64)
		if err != nil {
			return nil, fmt.Errorf("%s: offensiveness: %w", path, err)
		}
		r := rated{rater: column(row, "user_id"), text: column(row, "text"), mark: mark, groups: map[string]*string{}}
		for _, name := range []string{"gender", "race", "age", "education"} {
			if v := column(row, name); v != "" {
				r.groups[name] = &v
			}
		}
		out = append(out, r)
	}
}

// readSarcasm reads CSC of LeWiDi 2025: how sarcastic an annotator found a reply, 1 to 6, with gender and
// age (in two halves) where they are known.
func readSarcasm(data string) ([]rated, error) {
	dir := filepath.Join(data, "data/lewidi")
	var items map[string]struct {
		Text        struct{ Context, Response string }
		Annotations map[string]string
	}
	if err := readGzipJSON(filepath.Join(dir, "CSC_dev.json.gz"), &items); err != nil {
		return nil, err
	}
	var people map[string]map[string]string
	if err := readGzipJSON(filepath.Join(dir, "CSC_annotators_meta.json.gz"), &people); err != nil {
		return nil, err
	}
	var out []rated
	for _, id := range sorted(items) {
		it := items[id]
		for _, who := range sorted(it.Annotations) {
			mark, err := strconv.ParseFloat(it.Annotations[who], 64)
			if err != nil {
				return nil, fmt.Errorf("CSC_dev: item %s: %w", id, err)
			}
			r := rated{rater: who, text: it.Text.Context + "\n" + it.Text.Response, mark: mark, groups: map[string]*string{}}
			if g := people[who]["Gender"]; g == "Female" || g == "Male" {
				r.groups["gender"] = &g
			}
			if age, err := strconv.Atoi(people[who]["Age"]); err == nil {
				half := "40 and older"
				if age < 40 {
					half = "under 40"
				}
				r.groups["age"] = &half
			}
			out = append(out, r)
		}
	}
	return out, nil
}

func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// pairUp makes comparisons of marks: for every rater up to so many random pairs of texts that they marked
// differently; the higher mark is ranked first.
func pairUp(all []rated, perRater int, seed uint64) []*prefs.Ranked {
	by := map[string][]rated{}
	for _, r := range all {
		by[r.rater] = append(by[r.rater], r)
	}
	var out []*prefs.Ranked
	for _, who := range sorted(by) {
		mine := by[who]
		rng := rand.New(rand.NewPCG(seed, bits(who)))
		for tries, found := 0, 0; tries < 20*perRater && found < perRater && len(mine) > 1; tries++ {
			a, b := mine[rng.IntN(len(mine))], mine[rng.IntN(len(mine))]
			if a.mark <= b.mark {
				continue
			}
			first, second := 1, 2
			out = append(out, &prefs.Ranked{PromptID: "marks", Prompt: []prefs.Message{}, Worker: who, Groups: a.groups, Ranks: []*int{&first, &second},
				Completions: []prefs.Completion{{ID: prefs.CompletionID(a.text), Text: a.text}, {ID: prefs.CompletionID(b.text), Text: b.text}}})
			found++
		}
	}
	return out
}
