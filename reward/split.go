package reward

import (
	"fmt"
	"hash/fnv"
	"math"
	"sort"

	"agora/policy/graph"
	"agora/reward/prefs"
)

// Split is training and validation data that share no prompt and no labeler.
type Split struct {
	Train []*prefs.Ranked
	// Val are validation prompts judged by labelers who also judged training data.
	Val []*prefs.Ranked
	// NewWorkers are validation prompts judged by labelers kept out of training.
	NewWorkers []*prefs.Ranked
	Dropped    int    // lines that would straddle
	How        string // for people
}

// What a line is split by keeps its randomness apart.
const (
	saltPrompt = iota + 1
	saltWorker
	saltText
)

// minPrompts is how many prompts a split by prompt needs; with fewer, rankings
// are split by the set of texts they compare.
const minPrompts = 20

// minWorkers is how many labelers a split by labeler needs.
const minWorkers = 10

// SplitLines divides rankings as the settings say.
func SplitLines(lines []*prefs.Ranked, c TrainConfig) (Split, error) {
	switch {
	case c.Split == "none":
		return Split{Train: lines, How: "none, as the settings say"}, nil
	case c.Split == "field" && len(distinct(lines, splitUnit)) == 0:
		return Split{}, fmt.Errorf("split = field, but none of %d rankings has a split: use auto, hash or none", len(lines))
	case c.Split == "field", c.Split == "auto" && hasBothSplits(lines):
		return splitByField(lines), nil
	case c.ValTexts > 0:
		return splitByText(lines, c), nil
	}
	return splitByHash(lines, c), nil
}

// splitByHash keeps a share of the prompts and of the labelers for validation.
func splitByHash(lines []*prefs.Ranked, c TrainConfig) Split {
	unit, name := promptUnit, "prompt"
	if len(distinct(lines, promptUnit)) < minPrompts {
		unit, name = setUnit, "set of texts (there are few prompts)"
	}
	prompts := pick(distinct(lines, unit), c.ValPrompts, c.Seed, saltPrompt)
	workers := map[string]bool{}
	if all := distinct(lines, workerUnit); len(all) >= minWorkers {
		workers = pick(all, c.ValWorkers, c.Seed, saltWorker)
	}
	s := Split{How: "by " + name}
	if len(workers) > 0 {
		s.How += fmt.Sprintf(" and by labeler (%d kept out)", len(workers))
	}
	for _, r := range lines {
		inVal, newWorker := prompts[unit(r)], workers[r.Worker]
		switch {
		case inVal && newWorker:
			s.NewWorkers = append(s.NewWorkers, r)
		case inVal:
			s.Val = append(s.Val, r)
		case newWorker:
			s.Dropped++
		default:
			s.Train = append(s.Train, r)
		}
	}
	return s
}

func promptUnit(r *prefs.Ranked) string { return r.PromptID }
func splitUnit(r *prefs.Ranked) string  { return r.Split }
func workerUnit(r *prefs.Ranked) string { return r.Worker }
func setUnit(r *prefs.Ranked) string    { return r.PromptID + "\x00" + setKey(r) }

// splitByText keeps texts apart: a line goes where all of its texts are.
func splitByText(lines []*prefs.Ranked, c TrainConfig) Split {
	var names []string
	seen := map[string]bool{}
	for _, r := range lines {
		for i := range r.Completions {
			if name := textName(r, i); !seen[name] {
				seen[name] = true
				names = append(names, name)
			}
		}
	}
	val := pick(names, c.ValTexts, c.Seed, saltText)
	s := Split{How: "by text: validation texts are in no training pair"}
	for _, r := range lines {
		n := 0
		for i := range r.Completions {
			if val[textName(r, i)] {
				n++
			}
		}
		switch n {
		case 0:
			s.Train = append(s.Train, r)
		case len(r.Completions):
			s.Val = append(s.Val, r)
		default:
			s.Dropped++
		}
	}
	return s
}

func isValidation(split string) bool {
	switch split {
	case "valid", "val", "validation", "dev", "test", "heldout", "held_out":
		return true
	}
	return false
}

func hasBothSplits(lines []*prefs.Ranked) bool {
	var train, val bool
	for _, r := range lines {
		val = val || isValidation(r.Split)
		train = train || r.Split == "train"
	}
	return train && val
}

func splitByField(lines []*prefs.Ranked) Split {
	s := Split{How: "by the rows' own split"}
	for _, r := range lines {
		if isValidation(r.Split) {
			s.Val = append(s.Val, r)
		} else {
			s.Train = append(s.Train, r)
		}
	}
	return s
}

// distinct lists the values of a unit in order of appearance, "" left out.
func distinct(lines []*prefs.Ranked, unit func(*prefs.Ranked) string) []string {
	var out []string
	seen := map[string]bool{"": true}
	for _, r := range lines {
		if v := unit(r); !seen[v] {
			seen[v] = true
			out = append(out, v)
		}
	}
	return out
}

// pick takes a share of the names, those whose hash under the seed is smallest:
// the same names whatever their order, and never all of them.
func pick(names []string, share float64, seed uint64, salt uint64) map[string]bool {
	n := min(int(math.Round(share*float64(len(names)))), len(names)-1)
	if n <= 0 {
		return map[string]bool{}
	}
	key := graph.Key(seed, 0, salt)
	sorted := append([]string{}, names...)
	sort.Slice(sorted, func(i, j int) bool {
		a, b := graph.Bits(key, hash(sorted[i])), graph.Bits(key, hash(sorted[j]))
		return a < b || a == b && sorted[i] < sorted[j]
	})
	out := make(map[string]bool, n)
	for _, name := range sorted[:n] {
		out[name] = true
	}
	return out
}

func hash(s string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(s))
	return h.Sum64()
}
