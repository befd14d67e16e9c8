package views

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// catalogues holds every interface string by language and key, a row of parts a language. The parts
// go by room, and a language's files are called like the English ones: messages_es.go for
// messages_en.go, messages_es_forms.go for messages_en_forms.go. A new language is a row here, its
// parts, and its place in the list of offered languages once TestEveryLanguageHasEveryString is content.
var catalogues = map[Language]map[string]string{
	English: join(englishParts...),
	Spanish: join(spanishSite, spanishRuns, spanishVotes, spanishAccount, spanishForms, spanishPeople, spanishQueue, spanishQuality, spanishReview, spanishPages),
	Chinese: join(chineseSite, chineseRuns, chineseVotes, chineseAccount, chineseForms, chinesePeople, chineseQueue, chineseQuality, chineseReview, chinesePages),
	Arabic:  join(arabicSite, arabicRuns, arabicVotes, arabicAccount, arabicForms, arabicPeople, arabicQueue, arabicQuality, arabicReview, arabicPages),
}

// englishParts are the rooms' strings. A key stands in one part only.
var englishParts = []map[string]string{
	englishSite, englishRuns, englishVotes, englishAccount, englishForms, englishPeople, englishQueue, englishQuality, englishReview, englishPages,
}

// join merges the parts of a language. A key that two parts hold is kept from the first; the tests refuse it.
func join(parts ...map[string]string) map[string]string {
	all := map[string]string{}
	for _, part := range slices.Backward(parts) {
		maps.Copy(all, part)
	}
	return all
}

// T is the interface string of a key, with args filled in as by fmt.Sprintf. A string that is
// missing in the language comes in English, and an unknown key comes as itself: visible, harmless,
// and an error in the tests.
func T(ctx context.Context, key string, args ...any) string {
	l := LanguageOf(ctx)
	if text, ok := lookUp(l, key); ok {
		return fill(l, text, args)
	}
	return key
}

// N is T for a count n, which is the first argument. The string's key is the given one and the
// plural category that the language puts n in (CLDR): key.one and key.other in English, key.zero,
// .one, .two, .few, .many and .other in Arabic. A form that names its number in words may leave the
// argument out.
func N(ctx context.Context, key string, n int, args ...any) string {
	l := LanguageOf(ctx)
	for _, form := range []string{countForm(l, n), "other", "many"} {
		if text, ok := lookUp(l, key+"."+form); ok {
			return fill(l, text, append([]any{n}, args...))
		}
	}
	return key
}

func lookUp(l Language, key string) (text string, ok bool) {
	if l == accented || l == mirrored {
		text, ok = catalogues[English][key]
		return accent(text), ok
	}
	if text, ok = catalogues[l][key]; !ok {
		text, ok = catalogues[English][key]
	}
	return text, ok
}

// Marks around what is filled into a right-to-left sentence: a name in Latin letters must not
// turn the words around it (Unicode's first strong isolate and its end).
// textVerbs are the verbs that fill in text, not numbers.
var textVerbs = regexp.MustCompile(`%(?:\[\d+\])?[.\d]*[sqv]`)

const isolate, isolateEnd = "\u2068", "\u2069"

// fill puts the arguments into a text. A text without verbs, as a count in words, takes none.
func fill(l Language, text string, args []any) string {
	if len(args) == 0 {
		return text
	}
	if !strings.Contains(text, "%") {
		return text
	}
	if l.Dir() == "rtl" {
		text = textVerbs.ReplaceAllString(text, isolate+"$0"+isolateEnd)
	}
	return fmt.Sprintf(text, args...)
}

// List joins names as the language does.
func List(ctx context.Context, names []string) string {
	return strings.Join(names, T(ctx, "list.comma"))
}

// Duration is a span of time in words: seconds below a minute, minutes below an hour, else hours and minutes.
func Duration(ctx context.Context, d time.Duration) string {
	minutes := int(d.Minutes() + .5)
	switch {
	case d < time.Minute:
		return T(ctx, "time.seconds", int(d.Seconds()))
	case minutes < 60:
		return T(ctx, "time.minutes", minutes)
	}
	return T(ctx, "time.hours", minutes/60, minutes%60)
}

// Moment writes a point in time, in UTC, as the language writes dates: what pages show before
// page.js turns it into the reader's own time.
func Moment(ctx context.Context, t time.Time) string {
	t = t.UTC()
	month := T(ctx, "month."+strconv.Itoa(int(t.Month())))
	return T(ctx, "time.moment", t.Day(), month, t.Year(), t.Format("15:04"))
}
