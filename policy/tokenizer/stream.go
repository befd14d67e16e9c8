package tokenizer

import "unicode/utf8"

// Stream decodes ids one at a time, for showing a text while it is being sampled. It holds back
// bytes that may be the beginning of a character, so what it returns is always valid UTF-8.
type Stream struct {
	t    *Tokenizer
	held []byte
}

// NewStream starts an empty stream.
func (t *Tokenizer) NewStream() *Stream { return &Stream{t: t} }

// Push returns the characters that id completes, often "". Special tokens add nothing.
func (s *Stream) Push(id int32) string {
	if s.t.IsSpecial(id) {
		return ""
	}
	s.held = append(s.held, s.t.Token(id)...)
	var out []byte
	for len(s.held) > 0 && utf8.FullRune(s.held) {
		out, s.held = nextRune(out, s.held)
	}
	return string(out)
}

// Flush ends the stream: what was held back comes out as U+FFFD.
func (s *Stream) Flush() string {
	var out []byte
	for len(s.held) > 0 {
		out, s.held = nextRune(out, s.held)
	}
	return string(out)
}

func nextRune(out, in []byte) ([]byte, []byte) {
	r, n := utf8.DecodeRune(in)
	return utf8.AppendRune(out, r), in[n:]
}
