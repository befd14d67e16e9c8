package policy

import "fmt"

// Sequence is one text as tokens. The tokens from index From on count: they are learned or scored.
// From is at least 1, because nothing predicts the first token.
type Sequence struct {
	Tokens []int32
	From   int
}

// Join makes the sequence of a prompt and a completion that counts.
func Join(prompt, completion []int32) Sequence {
	tokens := append(append(make([]int32, 0, len(prompt)+len(completion)), prompt...), completion...)
	return Sequence{Tokens: tokens, From: len(prompt)}
}

// Counted is the number of tokens that count.
func (s Sequence) Counted() int { return max(len(s.Tokens)-max(s.From, 1), 0) }

// Batch is a token stream: sequences one after another, without padding, that do not see each
// other. The last token of each sequence is left out of the stream, as nothing follows it.
type Batch struct {
	IDs  []int32 // [tokens]
	Lens []int32 // [seqs] tokens of each sequence in the stream

	// For every token that counts, in order: the row of the stream whose hidden state predicts it,
	// and the token.
	Rows    []int32 // [picks]
	Targets []int32 // [picks]
}

// Reset empties the batch and keeps its memory.
func (b *Batch) Reset() {
	b.IDs, b.Lens, b.Rows, b.Targets = b.IDs[:0], b.Lens[:0], b.Rows[:0], b.Targets[:0]
}

// Add appends a sequence of at least two tokens.
func (b *Batch) Add(s Sequence) {
	start := len(b.IDs)
	n := len(s.Tokens) - 1
	b.IDs = append(b.IDs, s.Tokens[:n]...)
	b.Lens = append(b.Lens, int32(n))
	for t := max(s.From, 1); t <= n; t++ {
		b.Rows = append(b.Rows, int32(start+t-1))
		b.Targets = append(b.Targets, s.Tokens[t])
	}
}

// Fits says whether s can be added without exceeding tokens rows and seqs segments.
func (b *Batch) Fits(s Sequence, tokens, seqs int) bool {
	return len(b.Lens) < seqs && len(b.IDs)+len(s.Tokens)-1 <= tokens
}

// check refuses sequences that no batch can take. what names the sequence in the message.
func (s Sequence) check(what string, vocab, context int) error {
	switch {
	case len(s.Tokens) < 2:
		return fmt.Errorf("%s: %d tokens, need at least 2", what, len(s.Tokens))
	case len(s.Tokens)-1 > context:
		return fmt.Errorf("%s: %d tokens do not fit the model's context of %d", what, len(s.Tokens), context)
	case s.From > len(s.Tokens) || s.From < 0:
		return fmt.Errorf("%s: counts from token %d of %d", what, s.From, len(s.Tokens))
	}
	for i, id := range s.Tokens {
		if id < 0 || int(id) >= vocab {
			return fmt.Errorf("%s: token %d is %d, the vocabulary ends at %d", what, i, id, vocab-1)
		}
	}
	return nil
}
