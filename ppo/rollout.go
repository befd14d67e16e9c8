package ppo

import "slices"

// Rollout is one iteration's experience. B responses lie one after another as
// token streams: entry t of a flat slice belongs to token t of all responses
// concatenated, N tokens in all. A response includes its end-of-text token if it
// has one.
type Rollout struct {
	Prompts   []Prompt    // [B]
	Responses [][]int32   // [B], none empty
	Ended     []bool      // [B] whether the response has its end
	Read      [][]int32   // [B] what rewards and judge read of it: all, or up to truncate_token
	Whole     []bool      // [B] whether it has what missing_eos asks for: its end, or truncate_token
	Raw       []float32   // [B] the reward model's number
	Each      [][]float32 // [rewards][B] of several rewards, before they became Raw; nil of a single one
	Score     []float32   // [B] what PPO sees of it (ScoreRule)
	Judge     []float32   // [B] the judge's number; nil without a judge
	JudgeEMA  []float32   // [B] what it gives to the average's responses to the same prompts; nil unless judge_patience needs it

	LogP   []float32 // [N] of the sampled tokens under the policy that sampled them, nats
	Ref    []float32 // [N] under the reference
	KL     []float32 // [N] the chosen estimator
	Value  []float32 // [N] the critic before the token; 0 without a critic
	Reward []float32 // [N] −β·KL, and the score on the last token
	Adv    []float32 // [N] whitened
	Ret    []float32 // [N] what the critic should have said

	EndValue []float32 // [B] the critic on the finished text; nil unless score_at = after, see ends.go
	EndRet   []float32 // [B] what it should have said

	start []int // [B+1] where each response begins in the flat slices
}

// newRollout allocates everything but the judge for these responses.
func newRollout(prompts []Prompt, responses [][]int32, ended []bool, logp []float32) *Rollout {
	b := len(responses)
	r := &Rollout{Prompts: prompts, Responses: responses, Ended: ended, Read: responses, Whole: ended, LogP: logp,
		Raw: make([]float32, b), Score: make([]float32, b), start: make([]int, b+1)}
	for i, y := range responses {
		r.start[i+1] = r.start[i] + len(y)
	}
	for _, field := range []*[]float32{&r.Ref, &r.KL, &r.Value, &r.Reward, &r.Adv, &r.Ret} {
		*field = make([]float32, r.Tokens())
	}
	return r
}

// Tokens is N, the number of response tokens.
func (r *Rollout) Tokens() int { return r.start[len(r.start)-1] }

// of is the part of a flat slice that belongs to response i.
func (r *Rollout) of(x []float32, i int) []float32 { return x[r.start[i]:r.start[i+1]] }

// sum adds up response i's part of a flat slice, in float64.
func (r *Rollout) sum(x []float32, i int) float64 {
	var s float64
	for _, v := range r.of(x, i) {
		s += float64(v)
	}
	return s
}

// Shape fills Score from Raw, KL from the log-probabilities, and Reward from
// both (steps 2 and 3 of Update).
func (r *Rollout) Shape(rule ScoreRule, est KLEstimator, coef float64) {
	TokenKL(r.KL, r.LogP, r.Ref, est)
	for i := range r.Responses {
		r.Score[i] = rule.Of(r.Raw[i], len(r.Read[i]), r.Whole[i])
		score := r.Score[i]
		if r.EndValue != nil {
			score = 0 // comes after the last token
		}
		TokenRewards(r.of(r.Reward, i), r.of(r.KL, i), score, float32(coef))
	}
}

// Advantage whitens the rewards if asked, lets the estimator fill Adv and Ret, and whitens Adv over all tokens (step 5 of Update).
func (r *Rollout) Advantage(c Config) {
	if r.EndValue != nil {
		r.advantagesWithEnds(c)
	} else {
		Whiten(r.Reward, c.WhitenRewards, false)
		c.Estimator.fill(r, c)
	}
	Whiten(r.Adv, c.WhitenAdvantages, true)
}

// distinctN is the share of distinct runs of n neighbouring tokens among all of them, without end-of-text
// (Li et al. 2016, arXiv:1510.03055). Tokens, not words: it means the same where words have no spaces between them.
// It falls with the number of responses, so compare iterations, not runs of different size. n is 1 or 2.
func (r *Rollout) distinctN(n int) float64 {
	seen, all := map[[2]int32]bool{}, 0
	for i, y := range r.Responses {
		if r.Ended[i] {
			y = y[:len(y)-1]
		}
		for t := n - 1; t < len(y); t++ {
			gram := [2]int32{y[t], -1}
			if n == 2 {
				gram[1] = y[t-1]
			}
			seen[gram] = true
			all++
		}
	}
	return float64(len(seen)) / float64(max(1, all))
}

// distinct is the share of distinct responses.
func (r *Rollout) distinct() float64 {
	sorted := slices.Clone(r.Responses)
	slices.SortFunc(sorted, slices.Compare[[]int32])
	return float64(len(slices.CompactFunc(sorted, slices.Equal[[]int32]))) / float64(len(r.Responses))
}
