package labeler

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"agora/db"
	"agora/db/dbtest"
)

// testSite is the real site over a real database file, without a network.
type testSite struct {
	*Server
	t  testing.TB
	st *dbtest.Store
}

func newTestSite(t testing.TB) *testSite {
	t.Helper()
	st := dbtest.Open(t)
	s, err := NewServer(st.Store, Options{Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Public: PublicAddress{URL: "http://example.com"}, Schema: testSchema})
	if err != nil {
		t.Fatal(err)
	}
	return &testSite{s, t, st}
}

// testPassword hashes to testHash; hashing takes long under the race detector.
const testPassword = "correct horse battery"

var testHash = must(HashPassword(testPassword))

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// addUser makes somebody who can sign in with testPassword.
func (s *testSite) addUser(name string, role db.Role) db.User {
	s.t.Helper()
	u, err := s.st.CreateUser(context.Background(), name, role, testHash)
	if err != nil {
		s.t.Fatal(err)
	}
	return u
}

// browser keeps the cookies of one visitor.
type browser struct {
	s       *testSite
	cookies []*http.Cookie
}

// visitor is somebody who has not signed in.
func (s *testSite) visitor() *browser { return &browser{s: s} }

// as signs a new person of that role in; nobody stays a visitor.
func (s *testSite) as(role db.Role) *browser {
	s.t.Helper()
	if role == nobody {
		return s.visitor()
	}
	return s.signedInAs(s.addUser(string(role)+"-1", role))
}

// signedInAs makes a session for u as the sign-in form does.
func (s *testSite) signedInAs(u db.User) *browser {
	s.t.Helper()
	ctx, err := s.sessions.Load(context.Background(), "")
	if err != nil {
		s.t.Fatal(err)
	}
	s.sessions.Put(ctx, "user", u.ID)
	s.sessions.Put(ctx, "epoch", u.SessionEpoch)
	token, _, err := s.sessions.Commit(ctx)
	if err != nil {
		s.t.Fatal(err)
	}
	return &browser{s, []*http.Cookie{{Name: s.sessions.Cookie.Name, Value: token}}}
}

// do sends a request as a browser would from the site's own pages.
func (b *browser) do(method, path string, form url.Values) *httptest.ResponseRecorder {
	var body io.Reader
	if method != http.MethodGet {
		body = strings.NewReader(form.Encode())
	}
	req := httptest.NewRequest(method, path, body)
	if body != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.send(req)
}

func (b *browser) get(path string) *httptest.ResponseRecorder { return b.do(http.MethodGet, path, nil) }

func (b *browser) post(path string, form url.Values) *httptest.ResponseRecorder {
	return b.do(http.MethodPost, path, form)
}

// send serves a request with the browser's cookies and keeps the new ones.
func (b *browser) send(req *http.Request) *httptest.ResponseRecorder {
	for _, c := range b.cookies {
		req.AddCookie(c)
	}
	res := httptest.NewRecorder()
	b.s.Handler().ServeHTTP(res, req)
	for _, set := range res.Result().Cookies() {
		b.cookies = append(slices.DeleteFunc(b.cookies, func(c *http.Cookie) bool { return c.Name == set.Name }), set)
	}
	return res
}
