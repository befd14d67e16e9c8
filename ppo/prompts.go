package ppo

import (
	"fmt"
	"math/rand/v2"

	"agora/policy"
	"agora/reward/prefs"
)

// Prompt is one prompt to respond to.
type Prompt struct {
	ID     string
	Turns  []prefs.Message
	Extra  prefs.Fields // further members of its record, for rewards that are commands
	Tokens []int32      // as the policy reads it, up to where the response begins
}

// LoadPrompts reads the prompts of a file for a policy: records of any kind that
// prefs knows, or the lines of a .txt file. Equal prompts are kept once. Those that leave no
// room for maxNew tokens are left out and counted.
func LoadPrompts(path string, m *policy.Model, maxNew int) (prompts []Prompt, tooLong int, err error) {
	records, err := policy.ReadPrompts(path)
	if err != nil {
		return nil, 0, err
	}
	seen := map[string]bool{}
	for _, r := range records {
		key := prefs.PromptID(r.Prompt)
		if seen[key] {
			continue
		}
		seen[key] = true
		p := Prompt{ID: r.PromptID, Turns: r.Prompt, Extra: r.Extra.Without("prompt"), Tokens: m.Template.Prompt(m.Tokenizer, r.Prompt)}
		if p.ID == "" {
			p.ID = key
		}
		switch {
		case len(p.Tokens) == 0:
			return nil, 0, fmt.Errorf("%s: prompt %s is empty and the tokenizer has no begin token", path, p.ID)
		case len(p.Tokens)+maxNew > m.Config.Context:
			tooLong++
		default:
			prompts = append(prompts, p)
		}
	}
	switch {
	case len(records) == 0:
		return nil, 0, fmt.Errorf("%s: no prompts", path)
	case len(prompts) == 0:
		return nil, 0, fmt.Errorf("%s: none of its %d prompts leaves room for %d new tokens in a context of %d", path, tooLong, maxNew, m.Config.Context)
	}
	return prompts, tooLong, nil
}

// Streams of random numbers that a run draws from its seed.
const (
	streamPrompts = iota + 1
	streamShuffle
	streamPtx
	streamScale
)

// random is a generator that depends on nothing but its three numbers, so that
// a resumed run draws what the uninterrupted one would have drawn.
func random(seed uint64, stream, step uint64) *rand.Rand {
	return rand.New(rand.NewPCG(seed, stream<<48^step))
}

// pick returns the n prompt indices that follow the first drawn ones. Each pass
// over the prompts is shuffled anew (Huang et al. 2024, detail 21), and the
// order is a function of seed and position only: the cursor is one number.
func pick(seed uint64, prompts, drawn, n int) []int {
	out := make([]int, 0, n)
	for len(out) < n {
		pass, from := drawn/prompts, drawn%prompts
		order := random(seed, streamPrompts, uint64(pass)).Perm(prompts)
		take := min(n-len(out), prompts-from)
		out = append(out, order[from:from+take]...)
		drawn += take
	}
	return out
}
