package views

import (
	"context"
	"slices"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
)

// Language is the interface's language, a BCP 47 tag. People's own texts keep theirs.
type Language string

// The languages of the interface. English is the one that every message exists in first.
const (
	English Language = "en"
	Spanish Language = "es"
	Chinese Language = "zh"
	Arabic  Language = "ar"
)

// offered lists the languages that visitors can choose and browsers can ask for. The tests refuse
// one here whose catalogue lacks a string.
var offered = []Language{English, Spanish, Chinese, Arabic}

// Offered are the languages that visitors can choose, English first.
func Offered() []Language { return slices.Clone(offered) }

// languageNames are each language's name for itself, as people look for it in a list.
var languageNames = map[Language]string{
	English: "English", Spanish: "Español", Chinese: "中文", Arabic: "العربية",
	accented: "[Ëñĝļîšĥ]", mirrored: "[Ëñĝļîšĥ] ←",
}

// Name is what the language calls itself.
func (l Language) Name() string { return languageNames[l] }

// Tag is the value of the lang attribute: it says which Han characters a Chinese page wants.
func (l Language) Tag() string {
	if l == Chinese {
		return "zh-Hans"
	}
	return string(l)
}

// Dir is the writing direction, "ltr" or "rtl".
func (l Language) Dir() string {
	if l == Arabic || l == mirrored {
		return "rtl"
	}
	return "ltr"
}

// Known tells whether the site can speak a language: an offered one, or one of the two made-up ones
// for whoever works on the pages.
func Known(l Language) bool {
	return slices.Contains(offered, l) || l == accented || l == mirrored
}

// ChooseLanguage is the first wish that the site can speak, else the best for the browser's
// Accept-Language header, else English.
func ChooseLanguage(acceptLanguage string, wishes ...string) Language {
	for _, w := range wishes {
		if l := Language(w); Known(l) {
			return l
		}
	}
	wanted, _, err := language.ParseAcceptLanguage(acceptLanguage)
	if err != nil || len(wanted) == 0 {
		return English
	}
	tags := make([]language.Tag, len(offered))
	for i, l := range offered {
		tags[i] = language.Make(string(l))
	}
	_, i, confidence := language.NewMatcher(tags).Match(wanted...)
	if confidence == language.No {
		return English
	}
	return offered[i]
}

type languageKey struct{}

// WithLanguage makes the pages rendered under ctx speak l.
func WithLanguage(ctx context.Context, l Language) context.Context {
	return context.WithValue(ctx, languageKey{}, l)
}

// LanguageOf is the language of the pages rendered under ctx: English unless WithLanguage said otherwise.
func LanguageOf(ctx context.Context) Language {
	if l, ok := ctx.Value(languageKey{}).(Language); ok {
		return l
	}
	return English
}

// countForms names the CLDR plural categories.
var countForms = map[plural.Form]string{
	plural.Zero: "zero", plural.One: "one", plural.Two: "two", plural.Few: "few", plural.Many: "many", plural.Other: "other",
}

// countForm is the CLDR plural category of n things in a language: "one", "few", "other"…
func countForm(l Language, n int) string {
	if l == accented || l == mirrored {
		l = English
	}
	return countForms[plural.Cardinal.MatchPlural(language.Make(string(l)), max(n, -n), 0, 0, 0, 0)]
}
