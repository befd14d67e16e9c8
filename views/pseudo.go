package views

import "strings"

// Two made-up languages, named as CLDR names them, for whoever works on the pages. Every interface
// string comes in accented letters and a third longer, so that words which bypass the catalogue and
// boxes that are too narrow show at once; the second one is also written from right to left. They are
// on no list: send the cookie agora-language=en-XA, or ar-XB.
const (
	accented Language = "en-XA"
	mirrored Language = "ar-XB"
)

var accents = strings.NewReplacer(
	"A", "Å", "B", "Ɓ", "C", "Ç", "D", "Đ", "E", "É", "F", "Ƒ", "G", "Ĝ", "H", "Ĥ", "I", "Î", "J", "Ĵ", "K", "Ķ", "L", "Ļ", "M", "Ṁ",
	"N", "Ñ", "O", "Ö", "P", "Þ", "Q", "Ǫ", "R", "Ŕ", "S", "Š", "T", "Ţ", "U", "Û", "V", "Ṽ", "W", "Ŵ", "X", "Ẋ", "Y", "Ý", "Z", "Ž",
	"a", "å", "b", "ƀ", "c", "ç", "d", "đ", "e", "é", "f", "ƒ", "g", "ĝ", "h", "ĥ", "i", "î", "j", "ĵ", "k", "ķ", "l", "ļ", "m", "ɱ",
	"n", "ñ", "o", "ö", "p", "þ", "q", "ǫ", "r", "ŕ", "s", "š", "t", "ţ", "u", "û", "v", "ṽ", "w", "ŵ", "x", "ẋ", "y", "ý", "z", "ž",
)

// accent rewrites a catalogue text in accented letters and makes it longer. Verbs such as %d and
// %[2]s stay as they are.
func accent(text string) string {
	var b strings.Builder
	b.WriteString("[")
	rest := text
	for {
		i := strings.IndexByte(rest, '%')
		if i < 0 || i == len(rest)-1 {
			break
		}
		end := i + 1 + verbLength(rest[i+1:])
		b.WriteString(accents.Replace(rest[:i]) + rest[i:end])
		rest = rest[end:]
	}
	b.WriteString(accents.Replace(rest) + strings.Repeat("~", len(text)/3) + "]")
	return b.String()
}

// verbLength is how many bytes after a percent sign belong to the verb: 1 for "d", 4 for "[2]s", 4 for ".40q".
func verbLength(s string) int {
	n := 0
	if s[0] == '[' {
		n = strings.IndexByte(s, ']') + 1
	}
	for n < len(s)-1 && strings.IndexByte(".0123456789", s[n]) >= 0 {
		n++
	}
	return n + 1
}
