package tokenizer

import (
	"fmt"
)

// Kind says what a token of a Vocabulary is, by the numbers of GGUF's tokenizer.ggml.token_type.
type Kind int32

// Kinds of tokens.
const (
	Normal      Kind = 1 // written in visible runes
	Unknown     Kind = 2 // written literally, as all that follow
	Control     Kind = 3 // left out of texts for people
	UserDefined Kind = 4 // shown
	Unused      Kind = 5
)

// Vocabulary is a tokenizer as plain lists, which is how GGUF files carry one.
type Vocabulary struct {
	Tokens       []string // by id; a space is Ġ in normal tokens, as in tokenizer.json
	Kinds        []Kind   // by id
	Merges       []string // "left right", the earliest first
	Digits       bool     // every number character is cut off before the GPT-2 pattern
	BOS, EOS     int32    // -1 for none
	ChatTemplate string   // Jinja
}

// New builds a tokenizer from lists.
func New(v Vocabulary) (*Tokenizer, error) {
	if len(v.Kinds) != len(v.Tokens) {
		return nil, fmt.Errorf("vocabulary: %d tokens, kinds of %d", len(v.Tokens), len(v.Kinds))
	}
	vocab, special := make(map[string]int32, len(v.Tokens)), make(map[string]int32)
	for id, text := range v.Tokens {
		into := special
		switch v.Kinds[id] {
		case Unused:
			continue
		case Normal:
			into = vocab
		case Unknown, Control, UserDefined:
		default:
			return nil, fmt.Errorf("vocabulary: token %d (%q) is of kind %d, which byte-level BPE does not have", id, text, v.Kinds[id])
		}
		if first, dup := into[text]; dup {
			return nil, fmt.Errorf("vocabulary: token %q has the ids %d and %d", text, first, id)
		}
		into[text] = int32(id)
	}
	merges := make([][2]string, len(v.Merges))
	for i, line := range v.Merges {
		one, err := parseMerges(line)
		if err != nil || len(one) != 1 {
			return nil, fmt.Errorf("vocabulary: merge %d: want two tokens, got %q", i, line)
		}
		merges[i] = one[0]
	}
	t, err := fromVisibleVocab(vocab, merges, special)
	if err != nil {
		return nil, fmt.Errorf("vocabulary: %w", err)
	}
	for len(t.tokens) < len(v.Tokens) { // unused ids at the end
		t.tokens = append(t.tokens, "")
	}
	for _, id := range special {
		t.flags[id] = v.Kinds[id] != UserDefined
	}
	for _, end := range []int32{v.BOS, v.EOS} {
		if int(end) >= len(v.Tokens) {
			return nil, fmt.Errorf("vocabulary: begin or end token %d of %d", end, len(v.Tokens))
		}
	}
	t.digits, t.bos, t.eos, t.chatTemplate = v.Digits, v.BOS, v.EOS, v.ChatTemplate
	return t, nil
}

// Vocabulary is the inverse of New.
func (t *Tokenizer) Vocabulary() Vocabulary {
	v := Vocabulary{Digits: t.digits, BOS: t.bos, EOS: t.eos, ChatTemplate: t.chatTemplate}
	for id, raw := range t.tokens {
		text, kind := toVisible(raw), Normal
		hidden, isSpecial := t.flags[int32(id)]
		switch {
		case raw == "":
			text, kind = fmt.Sprintf("[PAD%d]", id), Unused // llama.cpp's name for it
		case isSpecial && hidden:
			text, kind = raw, Control
		case isSpecial:
			text, kind = raw, UserDefined
		}
		v.Tokens, v.Kinds = append(v.Tokens, text), append(v.Kinds, kind)
	}
	for _, p := range t.ordered {
		v.Merges = append(v.Merges, toVisible(t.tokens[p.left])+" "+toVisible(t.tokens[p.right]))
	}
	return v
}
