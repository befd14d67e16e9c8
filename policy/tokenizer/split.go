package tokenizer

import (
	"unicode"
	"unicode/utf8"
)

// The pre-tokenizer cuts text into pieces that merges never cross. It is the GPT-2 pattern
//
//	's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
//
// as a scanner: Go's regexp has no lookahead, and this is some fifty times faster.
// \s is Unicode White_Space. Bytes that are no UTF-8 count as one "other" character each.

type class uint8

const (
	other class = iota
	letter
	number
	space
)

// asciiClass holds the class of every ASCII byte.
var asciiClass = makeASCIIClass()

func makeASCIIClass() (table [128]class) {
	for r := range rune(128) {
		table[r] = unicodeClass(r)
	}
	return table
}

func unicodeClass(r rune) class {
	switch {
	case unicode.IsLetter(r):
		return letter
	case unicode.IsNumber(r):
		return number
	case unicode.IsSpace(r):
		return space
	}
	return other
}

// classAt is the class and width in bytes of the character at text[i:].
func classAt(text string, i int) (class, int) {
	if b := text[i]; b < 128 {
		return asciiClass[b], 1
	}
	r, n := utf8.DecodeRuneInString(text[i:])
	if r == utf8.RuneError && n == 1 {
		return other, 1
	}
	return unicodeClass(r), n
}

// nextPiece is the end of the piece that starts at text[i:].
func nextPiece(text string, i int) int {
	if n := contraction(text[i:]); n > 0 {
		return i + n
	}
	c, n := classAt(text, i)
	if c != space {
		return endOfRun(text, i+n, c)
	}
	if text[i] == ' ' && i+1 < len(text) { // " ?" before a letter, number or other run
		if c, n := classAt(text, i+1); c != space {
			return endOfRun(text, i+1+n, c)
		}
	}
	end := endOfRun(text, i+n, space)
	if end == len(text) {
		return end
	}
	// \s+(?!\S): leave the last white-space character to the word that follows it.
	if last := lastRune(text[i:end]); last < end-i {
		return end - last
	}
	return end
}

func endOfRun(text string, i int, want class) int {
	for i < len(text) {
		c, n := classAt(text, i)
		if c != want {
			break
		}
		i += n
	}
	return i
}

func lastRune(s string) int {
	_, n := utf8.DecodeLastRuneInString(s)
	return n
}

// contraction is the length of 's 't 're 've 'm 'll 'd at the start of s, or 0.
func contraction(s string) int {
	if len(s) < 2 || s[0] != '\'' {
		return 0
	}
	switch s[1] {
	case 's', 't', 'm', 'd':
		return 2
	}
	if len(s) >= 3 {
		switch s[1:3] {
		case "re", "ve", "ll":
			return 3
		}
	}
	return 0
}

// pieces calls yield for every piece of text in order. With digits, each number character is cut
// off first (the "Digits" pre-tokenizer with individual_digits), as SmolLM's tokenizer does.
func pieces(text string, digits bool, yield func(piece string)) {
	if !digits {
		scanPieces(text, yield)
		return
	}
	start := 0
	for i := 0; i < len(text); {
		c, n := classAt(text, i)
		if c == number {
			scanPieces(text[start:i], yield)
			yield(text[i : i+n])
			start = i + n
		}
		i += n
	}
	scanPieces(text[start:], yield)
}

func scanPieces(text string, yield func(string)) {
	for i := 0; i < len(text); {
		end := nextPiece(text, i)
		yield(text[i:end])
		i = end
	}
}
