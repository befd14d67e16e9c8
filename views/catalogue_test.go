package views

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
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
					if english[key] == "" {
						t.Errorf("%s asks for %q, which English lacks", f, key)
					}
				}
			}
			for _, m := range sayKey.FindAllStringSubmatch(string(b), -1) {
				if !strings.HasSuffix(m[1], ".") && english[m[1]] == "" {
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
	for key := range english {
		if !asked(key, used, prefixes) {
			t.Errorf("nobody asks for %q", key)
		}
	}
}

func forms(call, key string) []string {
	if call == "N" {
		return []string{key + ".one", key + ".many"}
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
	n := 0
	for _, part := range []map[string]string{englishSite, englishForms, englishPeople, englishQueue, englishQuality, englishReview, englishPages} {
		n += len(part)
	}
	if n != len(english) {
		t.Errorf("%d strings in the parts, %d together: a key stands in two parts", n, len(english))
	}
}

func TestEveryLanguageHasEveryString(t *testing.T) {
	for l, messages := range catalogues {
		for key, text := range english {
			if messages[key] == "" {
				t.Errorf("%s lacks %q", l, key)
			} else if strings.Count(messages[key], "%") != strings.Count(text, "%") {
				t.Errorf("%s: %q fills in other values than English", l, key)
			}
		}
	}
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
