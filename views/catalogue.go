package views

import (
	"context"
	"fmt"
	"maps"
	"slices"
)

// Language is the interface's language, a BCP 47 tag. People's own texts keep theirs.
type Language string

// English is the language that every message exists in.
const English Language = "en"

// catalogues holds every interface string by language and key. Another language is another file
// like messages_en.go with the same keys; TestCatalogue says which are missing.
var catalogues = map[Language]map[string]string{English: english}

// english is every interface string: the parts by room, messages_en*.go. A key stands in one part only.
var english = join(englishSite, englishForms, englishPeople, englishQueue, englishQuality, englishReview, englishPages)

// join merges the parts of a language. A key that two parts hold is kept from the first; the tests refuse it.
func join(parts ...map[string]string) map[string]string {
	all := map[string]string{}
	for _, part := range slices.Backward(parts) {
		maps.Copy(all, part)
	}
	return all
}

type languageKey struct{}

// WithLanguage makes the pages rendered under ctx speak l.
func WithLanguage(ctx context.Context, l Language) context.Context {
	return context.WithValue(ctx, languageKey{}, l)
}

// LanguageOf is the language of the pages rendered under ctx: English unless WithLanguage said otherwise.
func LanguageOf(ctx context.Context) Language {
	if l, ok := ctx.Value(languageKey{}).(Language); ok && catalogues[l] != nil {
		return l
	}
	return English
}

// T is the interface string of a key, with args filled in as by fmt.Sprintf. A string that is
// missing in the language comes in English, and an unknown key comes as itself: visible, harmless,
// and an error in the tests.
func T(ctx context.Context, key string, args ...any) string {
	text, ok := catalogues[LanguageOf(ctx)][key]
	if !ok {
		text, ok = english[key]
	}
	if !ok {
		return key
	}
	if len(args) == 0 {
		return text
	}
	return fmt.Sprintf(text, args...)
}

// N is T for a count: key.one for exactly one, key.many otherwise, with n as the first argument.
func N(ctx context.Context, key string, n int, args ...any) string {
	form := ".many"
	if n == 1 {
		form = ".one"
	}
	return T(ctx, key+form, append([]any{n}, args...)...)
}
