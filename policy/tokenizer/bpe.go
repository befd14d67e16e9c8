// Package tokenizer is byte-level BPE (Sennrich et al. 2016; Radford et al. 2019) with the GPT-2
// pre-tokenizer: it encodes and decodes, is trained on a corpus, and reads and writes Hugging Face
// tokenizer.json as well as the GPT-2 release files. Every text, valid UTF-8 or not, comes back
// byte for byte from Decode(Encode(text)).
package tokenizer

import (
	"fmt"
	"sort"
	"strings"
)

// EndOfText is the one special token of agora's own tokenizers: it begins a text, ends it and
// separates documents.
const EndOfText = "<|endoftext|>"

// Tokenizer is immutable after it was built and safe for concurrent use.
type Tokenizer struct {
	tokens  []string         // id → raw bytes; special tokens hold their literal text
	ids     map[string]int32 // raw bytes → id, without special tokens
	merges  map[pair]merge   // what two neighbours become, and how early
	ordered []pair           // merges by rank, as files list them
	special map[string]int32 // literal text → id
	flags   map[int32]bool   // special ids that decoding for people leaves out
	byteIDs [256]int32       // the id of each single byte, -1 where the vocabulary lacks it
	digits  bool             // cut off every number character before the GPT-2 pattern
	eos     int32            // -1 if there is none
	bos     int32

	source, config []byte // the files it was read from, to give them back unchanged
	chatTemplate   string // Jinja, "" if the files name none
}

type pair struct{ left, right int32 }

type merge struct{ rank, id int32 }

// newTokenizer checks and links a vocabulary. tokens are raw bytes, "" where an id is unused.
func newTokenizer(tokens []string, merges [][2]string, special map[string]int32) (*Tokenizer, error) {
	t := &Tokenizer{
		tokens: tokens, special: special, ids: make(map[string]int32, len(tokens)),
		merges: make(map[pair]merge, len(merges)), flags: make(map[int32]bool), bos: -1, eos: -1,
	}
	for text, id := range special {
		t.tokens[id] = text
		t.flags[id] = true
	}
	for id, raw := range tokens {
		if raw != "" && !t.flags[int32(id)] {
			t.ids[raw] = int32(id)
		}
	}
	for b := range 256 {
		t.byteIDs[b] = -1
		if id, ok := t.ids[string([]byte{byte(b)})]; ok {
			t.byteIDs[b] = id
		}
	}
	for rank, m := range merges {
		if err := t.addMerge(rank, m[0], m[1]); err != nil {
			return nil, err
		}
	}
	if id, ok := special[EndOfText]; ok {
		t.bos, t.eos = id, id
	}
	return t, nil
}

func (t *Tokenizer) addMerge(rank int, left, right string) error {
	l, okL := t.ids[left]
	r, okR := t.ids[right]
	id, ok := t.ids[left+right]
	if !okL || !okR || !ok {
		return fmt.Errorf("merge %d (%q + %q): part or result is not in the vocabulary", rank, left, right)
	}
	p := pair{l, r}
	if _, dup := t.merges[p]; !dup {
		t.merges[p] = merge{int32(rank), id}
	}
	t.ordered = append(t.ordered, p)
	return nil
}

// Size is the number of ids, special tokens and unused ids included.
func (t *Tokenizer) Size() int { return len(t.tokens) }

// BOS is the id that begins a text, -1 if there is none.
func (t *Tokenizer) BOS() int32 { return t.bos }

// EOS is the id that ends a text, -1 if there is none.
func (t *Tokenizer) EOS() int32 { return t.eos }

// IsSpecial says whether id is a special token, which Text leaves out.
func (t *Tokenizer) IsSpecial(id int32) bool { return t.flags[id] }

// ID finds a special token by its literal text, or an ordinary token by its bytes.
func (t *Tokenizer) ID(token string) (int32, bool) {
	if id, ok := t.special[token]; ok {
		return id, true
	}
	id, ok := t.ids[token]
	return id, ok
}

// Encode turns text into ids. Special tokens in the text are plain characters here, so that no
// user's text can end a document: use EncodeSpecial for text that agora itself composed.
func (t *Tokenizer) Encode(text string) []int32 {
	return t.AppendEncode(make([]int32, 0, len(text)/3+1), text)
}

// AppendEncode appends the ids of text to dst.
func (t *Tokenizer) AppendEncode(dst []int32, text string) []int32 {
	var seen map[string][2]int // piece → its ids within dst; worth it only for longer texts
	if len(text) > 4096 {
		seen = make(map[string][2]int)
	}
	pieces(text, t.digits, func(piece string) {
		if at, ok := seen[piece]; ok {
			dst = append(dst, dst[at[0]:at[1]]...)
			return
		}
		start := len(dst)
		dst = t.encodePiece(dst, piece)
		if seen != nil && len(piece) < 64 {
			seen[piece] = [2]int{start, len(dst)}
		}
	})
	return dst
}

// EncodeSpecial is Encode, except that the literal text of a special token becomes that token.
func (t *Tokenizer) EncodeSpecial(text string) []int32 {
	var dst []int32
	for text != "" {
		at, token := t.findSpecial(text)
		dst = t.AppendEncode(dst, text[:at])
		if token != "" {
			dst = append(dst, t.special[token])
		}
		text = text[at+len(token):]
	}
	return dst
}

// findSpecial is the first special token in text, the longest where several start together.
func (t *Tokenizer) findSpecial(text string) (at int, token string) {
	at = len(text)
	for s := range t.special {
		i := strings.Index(text, s)
		if i >= 0 && (i < at || i == at && len(s) > len(token)) {
			at, token = i, s
		}
	}
	return at, token
}

// Bytes are the exact bytes that ids stand for, special tokens as their literal text. Unknown ids
// stand for nothing.
func (t *Tokenizer) Bytes(ids []int32) []byte {
	var out []byte
	for _, id := range ids {
		if id >= 0 && int(id) < len(t.tokens) {
			out = append(out, t.tokens[id]...)
		}
	}
	return out
}

// Decode is Bytes as a string; broken UTF-8 (ids that stop inside a character) becomes U+FFFD.
func (t *Tokenizer) Decode(ids []int32) string {
	return strings.ToValidUTF8(string(t.Bytes(ids)), "\uFFFD")
}

// Text is Decode without special tokens: what a person should read.
func (t *Tokenizer) Text(ids []int32) string {
	kept := make([]int32, 0, len(ids))
	for _, id := range ids {
		if !t.flags[id] {
			kept = append(kept, id)
		}
	}
	return t.Decode(kept)
}

// Token is the raw bytes of one id, "" for an unused one.
func (t *Tokenizer) Token(id int32) string {
	if id < 0 || int(id) >= len(t.tokens) {
		return ""
	}
	return t.tokens[id]
}

// ChatTemplate is the Jinja template of tokenizer_config.json, "" if there is none.
func (t *Tokenizer) ChatTemplate() string { return t.chatTemplate }

// Specials lists the special tokens in order of id.
func (t *Tokenizer) Specials() []string {
	out := make([]string, 0, len(t.special))
	for s := range t.special {
		out = append(out, s)
	}
	sort.Slice(out, func(i, j int) bool { return t.special[out[i]] < t.special[out[j]] })
	return out
}
