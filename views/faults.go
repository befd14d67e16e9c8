package views

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
)

// Sentence is what is wrong with somebody's input, in English, and how to say it in other languages: a
// format and what fills it in, which may be sentences themselves. db and prefs word faults where they
// find them; the catalogue knows each by its English format, as gettext does.
type Sentence interface {
	Sentence() (format string, args []any)
}

// faults are the translations by language and English format. The tests refuse a format in the
// sources that a language lacks.
var faults = map[Language]map[string]string{
	Spanish: spanishFaults,
	Chinese: chineseFaults,
	Arabic:  arabicFaults,
}

// Faults are the English formats that a language has translations of.
func Faults(l Language) map[string]string { return maps.Clone(faults[l]) }

// bare is the format of a fault that is worded in the reader's language already.
const bare = "%s"

// Said is a fault in the reader's language, in English where it lacks the sentence.
func Said(ctx context.Context, fault Sentence) string {
	format, args := fault.Sentence()
	args = slices.Clone(args)
	for i, a := range args {
		switch a := a.(type) {
		case Sentence:
			args[i] = Said(ctx, a)
		case error:
			args[i] = SaidError(ctx, a)
		}
	}
	l := LanguageOf(ctx)
	switch l {
	case accented, mirrored:
		if format != bare {
			format = accent(format)
		}
	default:
		if text, ok := faults[l][format]; ok {
			format = text
		}
	}
	if len(args) == 0 {
		return strings.ReplaceAll(format, "%%", "%")
	}
	return fill(l, strings.ReplaceAll(format, "%w", "%v"), args)
}

// SaidError is Said of the first sentence in an error's chain, or the error's own words where it has none.
func SaidError(ctx context.Context, err error) string {
	var fault Sentence
	if errors.As(err, &fault) {
		return Said(ctx, fault)
	}
	return err.Error()
}
