package views

import (
	"context"
	"strings"
	"testing"
)

func renderIn(t *testing.T, ctx context.Context, f Frame) string {
	t.Helper()
	var b strings.Builder
	if err := Page(f).Render(ctx, &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Every page says which language it speaks and in which direction, and offers the others under their
// own names.
func TestPageLanguage(t *testing.T) {
	was := offered
	offered = []Language{English, Spanish, Chinese, Arabic}
	t.Cleanup(func() { offered = was })
	cases := []struct {
		l     Language
		start string
	}{
		{English, `<html lang="en" dir="ltr">`}, {Spanish, `<html lang="es" dir="ltr">`},
		{Chinese, `<html lang="zh-Hans" dir="ltr">`}, {Arabic, `<html lang="ar" dir="rtl">`},
	}
	for _, c := range cases {
		page := renderIn(t, WithLanguage(context.Background(), c.l), Frame{Title: "x"})
		if !strings.Contains(page, c.start) {
			t.Errorf("%s: want %s", c.l, c.start)
		}
		for _, want := range []string{`value="ar" lang="ar"`, `value="zh" lang="zh-Hans"`, "العربية", "Español", "中文"} {
			if !strings.Contains(page, want) {
				t.Errorf("%s: the choice of languages lacks %s", c.l, want)
			}
		}
		if want := `value="` + string(c.l) + `" lang="` + c.l.Tag() + `" aria-current="true"`; !strings.Contains(page, want) {
			t.Errorf("%s is not marked as the one that is spoken", c.l)
		}
	}
}
