package ppo

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"agora/policy"
	"agora/policy/cpu"
	"agora/policy/tokenizer"
	"agora/reward"
)

// Rater gives each response to a prompt one number.
type Rater interface {
	Rate(ctx context.Context, prompts []Prompt, responses [][]int32) ([]float32, error)
}

// rater reads responses with a reward model.
type rater struct {
	model  *reward.Model
	scorer *reward.Scorer
	policy *policy.Model
	asIs   bool // the model reads the policy's tokens as they are, else their text
}

// newRater compiles a scoring pass for so many tokens at a time.
func newRater(dev *cpu.Device, m *reward.Model, p *policy.Model, tokens int) (*rater, error) {
	s, err := reward.NewScorer(dev, m, tokens)
	same := sameTokenizer(p.Tokenizer, m.Trunk.Tokenizer) && m.Trunk.Template == p.Template && !m.IgnorePrompt
	return &rater{model: m, scorer: s, policy: p, asIs: same}, err
}

// Rate returns one number per response. A response that was cut off is given an
// end: a reward model reads its number there and has learned it nowhere else
// (Huang et al. 2024, details 12 and 13).
func (r *rater) Rate(ctx context.Context, prompts []Prompt, responses [][]int32) ([]float32, error) {
	seqs := make([][]int32, len(responses))
	for i, y := range responses {
		var err error
		if seqs[i], err = r.sequence(prompts[i], y); err != nil {
			return nil, err
		}
	}
	return r.scorer.Score(ctx, seqs)
}

func (r *rater) sequence(p Prompt, response []int32) ([]int32, error) {
	end := r.policy.Template.End(r.policy.Tokenizer)
	if r.asIs {
		last := response[len(response)-1]
		if last != end && slices.Contains(r.policy.Ends(), last) {
			response = response[:len(response)-1] // another end than the one that the reward model learned
		}
		seq := slices.Concat(p.Tokens, response)
		if end >= 0 && last != end {
			seq = append(seq, end)
		}
		if len(seq) <= r.model.MaxTokens {
			return seq, nil
		}
	}
	return r.model.Encode(p.Turns, r.policy.Text(response))
}

// A cut is how lm-human-preferences (Ziegler et al. 2019; lm_tasks.py there) ends texts of a fixed length for the
// reward model: at the first such token at or after a position. The policy is trained on all of its tokens.
type cut struct {
	token int32
	after int // tokens before the first that may end the text
}

// newCut finds truncate_token among a policy's tokens; nil without one.
func newCut(c Config, t *tokenizer.Tokenizer) (*cut, error) {
	if c.TruncateToken == "" {
		return nil, nil
	}
	ids := t.Encode(c.TruncateToken)
	if len(ids) != 1 {
		return nil, fmt.Errorf("ppo: truncate_token %q is %d tokens of this policy, must be one", c.TruncateToken, len(ids))
	}
	return &cut{ids[0], c.TruncateAfter}, nil
}

// apply fills Read and Whole.
func (c *cut) apply(r *Rollout) {
	if c == nil {
		return
	}
	r.Read, r.Whole = slices.Clone(r.Responses), make([]bool, len(r.Responses))
	for i, y := range r.Responses {
		if len(y) <= c.after {
			continue
		}
		if at := slices.Index(y[c.after:], c.token); at >= 0 {
			r.Read[i], r.Whole[i] = y[:c.after+at+1], true
		}
	}
}

// sameTokenizer reports whether two models give the same tokens to every text.
func sameTokenizer(a, b *tokenizer.Tokenizer) bool {
	if a == nil || b == nil || a == b {
		return a == b
	}
	return bytes.Equal(a.Files(0)["tokenizer.json"], b.Files(0)["tokenizer.json"])
}
