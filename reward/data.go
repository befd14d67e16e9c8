package reward

import (
	"errors"
	"fmt"

	"agora/policy/checkpoint"
	"agora/reward/prefs"
)

// Data is what a reward model learns from.
type Data struct {
	Rankings []*prefs.Ranked
	Demos    []*prefs.Demo     // demonstrations, which shall score 0 on average; may be empty
	Hashes   map[string]string // file → sha256, for the checkpoint's manifest
}

// ReadData reads preference files of any format and demonstrations. The same
// prompt in several files is the same prompt.
func ReadData(files, demos []string, format prefs.Format) (Data, error) {
	d := Data{Hashes: map[string]string{}}
	if len(files) == 0 {
		return d, errors.New("no --data")
	}
	for i, path := range files {
		for r, err := range prefs.ReadRanked(path, format) {
			if err != nil {
				return d, err
			}
			d.Rankings = append(d.Rankings, r)
		}
		if err := d.hash(fmt.Sprintf("train%d", i), path); err != nil {
			return d, err
		}
	}
	disambiguate(d.Rankings)
	for i, path := range demos {
		for r, err := range prefs.ReadDemos(path, prefs.Auto) {
			if err != nil {
				return d, err
			}
			d.Demos = append(d.Demos, r)
		}
		if err := d.hash(fmt.Sprintf("demos%d", i), path); err != nil {
			return d, err
		}
	}
	return d, nil
}

// disambiguate gives prompts that share an id but not their words, and completions
// of one prompt likewise, ids of their own: files of different origin may both
// count from 1.
func disambiguate(lines []*prefs.Ranked) {
	prompts, texts := map[string]string{}, map[string]string{}
	for _, r := range lines {
		content := prefs.PromptID(r.Prompt)
		if first, ok := prompts[r.PromptID]; ok && first != content {
			r.PromptID += "-" + content
		}
		prompts[r.PromptID] = content
		for i := range r.Completions {
			c := &r.Completions[i]
			if first, ok := texts[textName(r, i)]; ok && first != c.Text {
				c.ID += "-" + prefs.CompletionID(c.Text)
			}
			texts[textName(r, i)] = c.Text
		}
	}
}

func (d *Data) hash(role, path string) (err error) {
	d.Hashes[role], err = checkpoint.HashFile(path)
	return err
}

// centreTexts are the texts whose mean score becomes 0, and what they are: the
// demonstrations where there are any, else completions marked as such, else the
// best completion of every training ranking.
func centreTexts(d Data, train []*prefs.Ranked, enc *encoder) (tokens [][]int32, what string, err error) {
	const most = 2000 // enough for a mean
	add := func(prompt []prefs.Message, text string) {
		if err != nil || len(tokens) >= most {
			return
		}
		var ids []int32
		if ids, err = enc.tokens(prompt, text); err == nil {
			tokens = append(tokens, ids)
		}
	}
	for _, demo := range d.Demos {
		add(demo.Prompt, demo.Completion)
	}
	if len(tokens) > 0 {
		return tokens, "demonstrations", err
	}
	seen := map[string]bool{}
	for _, r := range train {
		for i, c := range r.Completions {
			if c.Policy == "demo" && !seen[textName(r, i)] {
				seen[textName(r, i)] = true
				add(r.Prompt, c.Text)
			}
		}
	}
	if len(tokens) > 0 {
		return tokens, "completions by policy demo", err
	}
	for _, r := range train {
		pairs, _ := r.DistinctPairs()
		if len(pairs) == 0 {
			continue
		}
		best := bestOf(r)
		if name := textName(r, best); !seen[name] {
			seen[name] = true
			add(r.Prompt, r.Completions[best].Text)
		}
	}
	return tokens, "best completions", err
}

// bestOf is the first completion of the lowest rank.
func bestOf(r *prefs.Ranked) int {
	best := -1
	for i, rank := range r.Ranks {
		if rank != nil && (best < 0 || *rank < *r.Ranks[best]) {
			best = i
		}
	}
	return best
}
