package views

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var (
	literalKey = regexp.MustCompile(`\b(?:views\.)?([TN])\(\w+(?:\.\w+\.Context\(\))?, "([a-z0-9_.]+)"`)
	sayKey     = regexp.MustCompile(`\bsay\(c, "([a-z0-9_.]+)"`)
	anyKey     = regexp.MustCompile(`"([a-z0-9_]+(?:\.[a-z0-9_]+)+)"`)
	joinedKey  = regexp.MustCompile(`"([a-z0-9_.]+\.)"\+`)
)

// TestCatalogue finds keys that the code asks for and English lacks, and strings nobody asks for.
func TestCatalogue(t *testing.T) {
	used, prefixes := map[string]bool{}, map[string]bool{}
	for _, pattern := range []string{"*.templ", "*.go", "../labeler/*.go"} {
		files, _ := filepath.Glob(pattern)
		for _, f := range files {
			if strings.HasSuffix(f, "_templ.go") || strings.HasSuffix(f, "_test.go") || strings.HasPrefix(f, "messages_") {
				continue
			}
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range literalKey.FindAllStringSubmatch(string(b), -1) {
				if strings.HasSuffix(m[2], ".") {
					continue // joined with a state or the like
				}
				for _, key := range forms(m[1], m[2]) {
					if catalogues[English][key] == "" {
						t.Errorf("%s asks for %q, which English lacks", f, key)
					}
				}
			}
			for _, m := range sayKey.FindAllStringSubmatch(string(b), -1) {
				if !strings.HasSuffix(m[1], ".") && catalogues[English][m[1]] == "" {
					t.Errorf("%s asks for %q, which English lacks", f, m[1])
				}
			}
			for _, m := range anyKey.FindAllStringSubmatch(string(b), -1) {
				used[m[1]] = true
			}
			for _, m := range joinedKey.FindAllStringSubmatch(string(b), -1) {
				prefixes[m[1]] = true
			}
		}
	}
	for key := range catalogues[English] {
		if !asked(key, used, prefixes) {
			t.Errorf("nobody asks for %q", key)
		}
	}
}

func forms(call, key string) []string {
	if call == "N" {
		return []string{key + ".one", key + ".other"}
	}
	return []string{key}
}

// asked tells whether a key, its count form or suffix, or its group occurs in the code.
func asked(key string, used, prefixes map[string]bool) bool {
	for k := key; k != ""; {
		if used[k] {
			return true
		}
		i := strings.LastIndexByte(k, '.')
		if i < 0 {
			return false
		}
		if prefixes[k[:i+1]] || strings.HasPrefix(k, "number.") || strings.HasPrefix(k, "metric.") {
			return true
		}
		k = k[:i]
	}
	return false
}

func TestNoStringTwice(t *testing.T) {
	seen := map[string]bool{}
	for _, part := range englishParts {
		for key := range part {
			if seen[key] {
				t.Errorf("%q stands in two parts", key)
			}
			seen[key] = true
		}
	}
}

// TestEveryLanguageHasEveryString wants each language to have the strings of English, with the plural
// forms that its own grammar needs, filled in with the same values. A language that is not offered
// yet may lack strings, but not have wrong ones.
func TestEveryLanguageHasEveryString(t *testing.T) {
	english := catalogues[English]
	for l, messages := range catalogues {
		wanted := map[string]string{} // key in l → the English text it stands for
		for key, text := range english {
			stem, form := countKey(english, key)
			if form == "" {
				wanted[key] = text
				continue
			}
			for f := range formsOf(l) {
				wanted[stem+"."+f] = english[stem+".other"]
			}
		}
		missing := 0
		for key, text := range wanted {
			got := messages[key]
			switch {
			case got == "" && slices.Contains(offered, l):
				t.Errorf("%s is offered and lacks %q", l, key)
			case got == "":
				missing++
			case !fillsIn(got, text, key):
				t.Errorf("%s: %q fills in other values than English %q: %q", l, key, text, got)
			}
		}
		for key := range messages {
			if wanted[key] == "" {
				t.Errorf("%s has %q, which English lacks", l, key)
			}
		}
		t.Logf("%s: %d of %d strings missing", l, missing, len(wanted))
	}
	for _, l := range offered {
		if catalogues[l] == nil || l.Name() == "" {
			t.Errorf("%s is offered and has no catalogue or no name", l)
		}
	}
}

// countKey splits the key of a text for a count into stem and form; the form is empty where the key
// is none.
func countKey(messages map[string]string, key string) (stem, form string) {
	i := strings.LastIndexByte(key, '.')
	if i < 0 {
		return key, ""
	}
	stem, form = key[:i], key[i+1:]
	if (form == "one" || form == "other") && messages[stem+".one"] != "" && messages[stem+".other"] != "" {
		return stem, form
	}
	return key, ""
}

// formsOf are the plural categories that whole numbers fall into in a language.
func formsOf(l Language) map[string]bool {
	forms := map[string]bool{}
	for n := range 1000 {
		forms[countForm(l, n)] = true
	}
	return forms
}

var verb = regexp.MustCompile(`%(?:\[(\d+)\])?[.\d]*([a-z%])`)

// verbs lists what a text fills in: the argument's number and its verb.
func verbs(text string) map[int]string {
	found, next := map[int]string{}, 1
	for _, m := range verb.FindAllStringSubmatch(text, -1) {
		if m[2] == "%" {
			continue
		}
		if m[1] != "" {
			next, _ = strconv.Atoi(m[1])
		}
		found[next] = m[2]
		next++
	}
	return found
}

// fillsIn tells whether a translation fills in what English does. Only the form for none, one or two
// may say its number in words.
func fillsIn(got, english, key string) bool {
	have, want := verbs(got), verbs(english)
	form := key[strings.LastIndexByte(key, '.')+1:]
	if _, ok := have[1]; !ok && (form == "zero" || form == "one" || form == "two") {
		if len(have) > 0 && !strings.Contains(got, "%[") {
			return false // would fill in the count where something else belongs
		}
		delete(want, 1)
	}
	return maps.Equal(have, want)
}

func TestCounts(t *testing.T) {
	ctx := context.Background()
	if one, many := N(ctx, "task.words", 1), N(ctx, "task.words", 2); one != "1 word" || many != "2 words" {
		t.Errorf("%q, %q", one, many)
	}
	if T(ctx, "no.such") != "no.such" {
		t.Error("an unknown key must show itself")
	}
}

// The categories of CLDR 48, "Language Plural Rules", cardinal.
func TestCountForms(t *testing.T) {
	cases := []struct {
		l    Language
		n    int
		want string
	}{
		{English, 0, "other"}, {English, 1, "one"}, {English, 2, "other"}, {English, 101, "other"},
		{Spanish, 0, "other"}, {Spanish, 1, "one"}, {Spanish, 2, "other"}, {Spanish, 21, "other"},
		{Chinese, 0, "other"}, {Chinese, 1, "other"}, {Chinese, 2, "other"},
		{Arabic, 0, "zero"}, {Arabic, 1, "one"}, {Arabic, 2, "two"}, {Arabic, 3, "few"}, {Arabic, 10, "few"},
		{Arabic, 11, "many"}, {Arabic, 99, "many"}, {Arabic, 100, "other"}, {Arabic, 102, "other"}, {Arabic, 103, "few"}, {Arabic, 111, "many"},
	}
	for _, c := range cases {
		if got := countForm(c.l, c.n); got != c.want {
			t.Errorf("%s %d: %s, want %s", c.l, c.n, got, c.want)
		}
	}
}

// speaking makes a language out of a few strings for one test.
func speaking(t *testing.T, l Language, messages map[string]string) context.Context {
	t.Helper()
	former, had := catalogues[l]
	catalogues[l] = messages
	t.Cleanup(func() {
		if had {
			catalogues[l] = former
		} else {
			delete(catalogues, l)
		}
	})
	return WithLanguage(context.Background(), l)
}

func TestArabic(t *testing.T) {
	ctx := speaking(t, Arabic, map[string]string{
		"home.done.one": "إجابة واحدة", "home.done.two": "إجابتان", "home.done.few": "%d إجابات", "home.done.many": "%d إجابة", "home.done.other": "%d إجابة",
		"guidelines.title": "الإرشادات: %s", "time.moment": "%[1]d %[2]s %[3]d، %[4]s UTC", "month.1": "يناير",
	})
	for n, want := range map[int]string{0: "0 إجابة", 1: "إجابة واحدة", 2: "إجابتان", 7: "7 إجابات", 40: "40 إجابة"} {
		if got := N(ctx, "home.done", n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
	if got := T(ctx, "guidelines.title", "Code help"); got != "الإرشادات: \u2068Code help\u2069" {
		t.Errorf("a name in Latin letters must not turn the sentence: %q", got)
	}
	if got := Moment(ctx, noon); !strings.Contains(got, "يناير") {
		t.Errorf("date %q", got)
	}
	if got := T(ctx, "task.submit"); got != "Submit" {
		t.Errorf("a missing string must come in English, not %q", got)
	}
}

func TestChooseLanguage(t *testing.T) {
	was := offered
	offered = []Language{English, Spanish, Chinese, Arabic}
	t.Cleanup(func() { offered = was })
	cases := []struct {
		name, accept string
		wishes       []string
		want         Language
	}{
		{"nothing said", "", nil, English},
		{"the browser's", "es-MX,es;q=0.9,en;q=0.5", nil, Spanish},
		{"mainland Chinese", "zh-CN,zh;q=0.9", nil, Chinese},
		{"regional Arabic", "ar-EG", nil, Arabic},
		{"the second wish", "ka, ar;q=0.4", nil, Arabic},
		{"none that the site speaks", "ka", nil, English},
		{"nonsense", "!!,;q=x", nil, English},
		{"the person's setting first", "es", []string{"ar", "zh"}, Arabic},
		{"no setting, then the browser's cookie", "es", []string{"", "zh"}, Chinese},
		{"a setting that is no longer spoken", "es", []string{"eo", ""}, Spanish},
		{"the made-up one", "es", []string{"en-XA"}, accented},
		{"never from a header", "en-XA", nil, English},
	}
	for _, c := range cases {
		if got := ChooseLanguage(c.accept, c.wishes...); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}
