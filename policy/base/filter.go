package base

import (
	"bufio"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"regexp"
	"strings"
	"sync"
	"unicode"
)

// The word list behind everything that is shipped here: one "category hash" a line, the hash being
// the first eight bytes of sha256 of the word in lower case; a hash that ends in * stands for a stem
// that matches every word beginning with it. It is kept hashed so that the repository does not spell
// out slurs; `go run ./policy/base/rebuild hash CATEGORY WORD…` prints lines to add.
//
//go:embed words.txt
var wordList string

// minStem is the length of the shortest stem in the list, in letters.
const minStem = 3

type filter struct{ words, stems map[string]string } // hash → category

var loadFilter = sync.OnceValue(func() filter {
	f := filter{map[string]string{}, map[string]string{}}
	for lines := bufio.NewScanner(strings.NewReader(wordList)); lines.Scan(); {
		category, hash, ok := strings.Cut(lines.Text(), " ")
		if !ok || category == "#" {
			continue
		}
		if stem, isStem := strings.CutSuffix(hash, "*"); isStem {
			f.stems[stem] = category
		} else {
			f.words[hash] = category
		}
	}
	return f
})

// HashWord is the form in which the list keeps a word.
func HashWord(word string) string {
	sum := sha256.Sum256([]byte(strings.ToLower(word)))
	return hex.EncodeToString(sum[:8])
}

// Offends says which category of the word list the text falls into ("" when none). It errs on the
// side of dropping: a harmless text that shares a word with the list is lost.
func Offends(text string) string {
	f := loadFilter()
	for _, compound := range strings.FieldsFunc(strings.ToLower(text), notWordOrJoin) {
		if category := f.match(strings.Trim(compound, "'-.")); category != "" {
			return category
		}
		for _, part := range strings.FieldsFunc(compound, func(r rune) bool { return !unicode.IsLetter(r) }) {
			if category := f.match(part); category != "" {
				return category
			}
		}
	}
	return ""
}

// notWordOrJoin splits at everything but letters and the marks inside words such as o'clock.
func notWordOrJoin(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("'-.", r)
}

func (f filter) match(word string) string {
	if category := f.words[HashWord(word)]; category != "" {
		return category
	}
	for end := minStem; end <= len(word); end++ {
		if category := f.stems[HashWord(word[:end])]; category != "" {
			return category
		}
	}
	return ""
}

var personal = regexp.MustCompile(`[\w.+-]+@[\w-]+\.\w|https?:|www\.|\.(com|org|net|edu|co\.uk)\b|(\+?\d[\d ().-]{6,}\d)|©`)

// HasPersonalData finds mail and web addresses, telephone numbers and copyright lines.
func HasPersonalData(text string) bool { return personal.MatchString(text) }
