package labeler

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"agora/db"
)

// TestChooseLanguage lets a visitor and a labeler choose, with the one language that is always there
// beside English.
func TestChooseLanguage(t *testing.T) {
	s := newTestSite(t)
	const made = `<html lang="en-XA"`
	b := s.visitor()
	if page := b.get("/signin").Body.String(); !strings.Contains(page, `<html lang="en" dir="ltr">`) {
		t.Errorf("before any choice: %.60s", page)
	}
	res := b.post("/language", url.Values{"language": {"en-XA"}})
	if res.Code != http.StatusSeeOther || res.Header().Get("Location") != "/" {
		t.Errorf("choosing: status %d to %q", res.Code, res.Header().Get("Location"))
	}
	if page := b.get("/signin").Body.String(); !strings.Contains(page, made) {
		t.Error("a visitor's choice must stay in the browser")
	}
	if page := b.get("/no/such/page").Body.String(); !strings.Contains(page, made) {
		t.Error("an error page must speak the chosen language, too")
	}

	lena := s.addUser("lena", db.RoleLabeler)
	b = s.signedInAs(lena)
	b.post("/language", url.Values{"language": {"ar-XB"}})
	if got := must(s.st.User(context.Background(), lena.ID)).UILanguage; got != "ar-XB" {
		t.Errorf("the account keeps %q", got)
	}
	if page := s.signedInAs(lena).get("/tasks").Body.String(); !strings.Contains(page, `<html lang="ar-XB" dir="rtl">`) {
		t.Error("another browser of the same person must speak it, too")
	}
	if res := b.post("/language", url.Values{"language": {"tlh"}}); res.Code != http.StatusUnprocessableEntity {
		t.Errorf("a language nobody speaks: status %d", res.Code)
	}
}

// TestPageBefore goes back to the page of a choice, and to no other site.
func TestPageBefore(t *testing.T) {
	for from, want := range map[string]string{
		"": "/",
		"http://example.com/projects/1/items?from=50": "/projects/1/items?from=50",
		"http://evil.example/projects":                "/",
		"http://example.com//evil.example":            "/",
		"://":                                         "/",
	} {
		r := httptest.NewRequest(http.MethodPost, "http://example.com/language", nil)
		r.Header.Set("Referer", from)
		if got := pageBefore(r); got != want {
			t.Errorf("%q: back to %q, want %q", from, got, want)
		}
	}
}

// TestFaultsSpeakTheReadersLanguage types nonsense in Spanish: into a form, into an address, into a file.
func TestFaultsSpeakTheReadersLanguage(t *testing.T) {
	s := newScene(t)
	rosa := s.browsers["rosa"]
	rosa.post("/language", url.Values{"language": {"es"}})
	if res := rosa.post("/projects", url.Values{"name": {"Mal nombre"}, "kind": {"rank"}, "k": {"4"}, "overlap": {"1"}}); !strings.Contains(res.Body.String(), "usa de 1 a 64 minúsculas") {
		t.Errorf("a form's fault is not Spanish: %d %s", res.Code, res.Body)
	}
	if res := rosa.get("/projects/1/review?from=ayer"); !strings.Contains(res.Body.String(), "no es una fecha como 2026-01-31") {
		t.Errorf("an address's fault is not Spanish: %d %s", res.Code, res.Body)
	}
	_, page := s.see("bad.jsonl", `{"schema":"prompt/1","prompt_id":"a","prompt":7}`+"\n"+`{"schema":"prompt/1","prompt_id":"b"}`)
	for _, want := range []string{"debe ser una lista de mensajes o una cadena de texto, pero es el número 7", "<td>falta</td>"} {
		if !strings.Contains(page, want) {
			t.Errorf("the preview lacks %q: %s", want, page)
		}
	}
	res := rosa.upload("/projects/1/queue/scores", "s.jsonl", "{\"prompt_id\":\"a\"}\n", nil)
	if !strings.Contains(res.Body.String(), "id: falta") {
		t.Errorf("a score file's fault is not Spanish: %d %s", res.Code, res.Body)
	}
}
