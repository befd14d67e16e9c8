package labeler

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"agora/db"

	"github.com/gin-gonic/gin"
)

func credentials(name, password string) url.Values {
	return url.Values{"name": {name}, "password": {password}}
}

func TestSignIn(t *testing.T) {
	tests := []struct {
		name, user, password, next string
		status                     int
		location                   string
	}{
		{"right", "ana", testPassword, "/tasks", http.StatusSeeOther, "/tasks"},
		{"name in capitals", "ANA", testPassword, "", http.StatusSeeOther, "/"},
		{"wrong password", "ana", "wrong", "", http.StatusUnprocessableEntity, ""},
		{"unknown name", "zoe", testPassword, "", http.StatusUnprocessableEntity, ""},
		{"disabled", "gone", testPassword, "", http.StatusUnprocessableEntity, ""},
		{"no password chosen yet", "new", "", "", http.StatusUnprocessableEntity, ""},
		{"next elsewhere", "ana", testPassword, "//evil.example", http.StatusSeeOther, "/"},
		{"next elsewhere, spelled out", "ana", testPassword, "https://evil.example/", http.StatusSeeOther, "/"},
		{"next with a backslash", "ana", testPassword, `/\evil.example`, http.StatusSeeOther, "/"},
	}
	s := newTestSite(t)
	s.addUser("ana", db.RoleLabeler)
	gone := s.addUser("gone", db.RoleLabeler)
	if err := s.st.SetDisabled(context.Background(), gone.ID, true); err != nil {
		t.Fatal(err)
	}
	must(s.st.CreateUser(context.Background(), "new", db.RoleLabeler, ""))
	var failures []string
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			form := credentials(tt.user, tt.password)
			form.Set("next", tt.next)
			b := s.visitor()
			res := b.post("/signin", form)
			if res.Code != tt.status || res.Header().Get("Location") != tt.location {
				t.Fatalf("status %d to %q, want %d to %q", res.Code, res.Header().Get("Location"), tt.status, tt.location)
			}
			signedIn := b.get("/tasks").Code == http.StatusOK
			if want := tt.status == http.StatusSeeOther; signedIn != want {
				t.Errorf("signed in: %v, want %v", signedIn, want)
			}
			if tt.status != http.StatusSeeOther {
				failures = append(failures, strings.ReplaceAll(res.Body.String(), `value="`+tt.user+`"`, "NAME"))
			}
		})
	}
	if len(slices.Compact(failures)) != 1 {
		t.Error("failures look different, so that names can be guessed")
	}
}

func TestFirstVisitorIsToldWhereToBegin(t *testing.T) {
	s := newTestSite(t)
	const hint = "printed in the terminal"
	if page := s.visitor().get("/signin").Body.String(); !strings.Contains(page, hint) {
		t.Error("the first visitor is left alone")
	}
	s.addUser("root", db.RoleAdmin)
	if page := s.visitor().get("/signin").Body.String(); strings.Contains(page, hint) {
		t.Error("the hint stays although there is an admin")
	}
}

func TestSessionCookie(t *testing.T) {
	s := newTestSite(t)
	s.addUser("ana", db.RoleLabeler)
	res := s.visitor().post("/signin", credentials("ana", testPassword))
	c := res.Result().Cookies()[0]
	if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Name != "agora" {
		t.Errorf("cookie %+v", c)
	}
	if _, ok, err := s.st.Sessions().Find(c.Value); err != nil || !ok {
		t.Errorf("session not stored: %v", err)
	}
	secure := newSessions(s.st.Store, PublicAddress{URL: "https://example.com", Secure: true})
	if secure.Cookie.Name != "__Host-agora" || !secure.Cookie.Secure || secure.Cookie.Domain != "" {
		t.Errorf("cookie under TLS %+v", secure.Cookie)
	}
	if name := (PublicAddress{URL: "http://127.0.0.1:8081"}).cookie(); name != "agora-8081" {
		t.Errorf("a second site on this machine shares the cookie %s", name)
	}
}

func TestSignInRenewsTheToken(t *testing.T) {
	s := newTestSite(t)
	u := s.addUser("ana", db.RoleLabeler)
	b := s.signedInAs(u)
	before := b.cookies[0].Value
	b.post("/signin", credentials("ana", testPassword))
	if after := b.cookies[0].Value; after == before {
		t.Error("the token from before sign-in still works")
	}
}

func TestGuessingIsSlowedDown(t *testing.T) {
	s := newTestSite(t)
	s.addUser("ana", db.RoleLabeler)
	s.addUser("bo", db.RoleLabeler)
	last := 0
	for range 12 {
		last = s.visitor().post("/signin", credentials("Ana", "guess")).Code
	}
	if last != http.StatusTooManyRequests {
		t.Errorf("twelfth guess: %d", last)
	}
	if code := s.visitor().post("/signin", credentials("bo", testPassword)).Code; code != http.StatusSeeOther {
		t.Errorf("somebody else's sign-in: %d", code)
	}
}

func TestKeyedLimit(t *testing.T) {
	k, now := newKeyedLimit(1, 2), time.Now()
	if !k.allow("a", now) || !k.allow("a", now) || k.allow("a", now) || !k.allow("b", now) {
		t.Error("burst of 2 per key expected")
	}
	if !k.allow("a", now.Add(time.Second)) {
		t.Error("one more after a second expected")
	}
	for i := range 2 * maxKeys {
		k.allow(string(rune(i)), now)
	}
	if len(k.keys) > maxKeys {
		t.Errorf("%d keys kept", len(k.keys))
	}
}

// invite makes a link and returns its path.
func (s *testSite) invite(inv db.Invite) string {
	s.t.Helper()
	token, _, err := s.st.CreateInvite(context.Background(), inv, time.Hour)
	if err != nil {
		s.t.Fatal(err)
	}
	return "/join/" + token
}

func joining(name, password, again string) url.Values {
	return url.Values{"name": {name}, "password": {password}, "again": {again}}
}

func TestJoin(t *testing.T) {
	s := newTestSite(t)
	path := s.invite(db.Invite{Role: db.RoleLabeler})
	b := s.visitor()
	for range 2 { // looking uses nothing up
		if res := b.get(path); res.Code != http.StatusOK || !strings.Contains(res.Body.String(), `name="password"`) {
			t.Fatalf("form: %d", res.Code)
		}
	}
	for name, form := range map[string]url.Values{
		"passwords differ": joining("ana", testPassword, testPassword+"x"),
		"short password":   joining("ana", "short", "short"),
		"bad name":         joining("", testPassword, testPassword),
	} {
		if res := b.post(path, form); res.Code != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", name, res.Code)
		}
	}
	if res := b.post(path, joining("ana", testPassword, testPassword)); res.Code != http.StatusSeeOther {
		t.Fatalf("join: %d", res.Code)
	}
	if res := b.get("/tasks"); res.Code != http.StatusOK {
		t.Errorf("not signed in after joining: %d", res.Code)
	}
	if res := s.visitor().post(path, joining("bo", testPassword, testPassword)); res.Code != http.StatusGone {
		t.Errorf("second use: %d", res.Code)
	}
	if res := s.visitor().get("/join/guess"); res.Code != http.StatusNotFound {
		t.Errorf("guessed link: %d", res.Code)
	}
}

func TestResetSignsOutEverywhere(t *testing.T) {
	s := newTestSite(t)
	u := s.addUser("ana", db.RoleLabeler)
	thief := s.signedInAs(u)
	path := s.invite(db.Invite{Role: u.Role, UserID: u.ID})
	if res := s.visitor().post(path, joining("", "another long password", "another long password")); res.Code != http.StatusSeeOther {
		t.Fatalf("reset: %d", res.Code)
	}
	if res := thief.get("/tasks"); res.Code != http.StatusSeeOther {
		t.Errorf("the old session still works: %d", res.Code)
	}
	if res := s.visitor().post("/signin", credentials("ana", testPassword)); res.Code != http.StatusUnprocessableEntity {
		t.Errorf("the old password still works: %d", res.Code)
	}
}

func TestLockOutAndRoleCountAtOnce(t *testing.T) {
	s := newTestSite(t)
	u := s.addUser("ana", db.RoleLabeler)
	b := s.signedInAs(u)
	if res := b.get("/projects"); res.Code != http.StatusForbidden {
		t.Fatalf("labeler at /projects: %d", res.Code)
	}
	if err := s.st.SetRole(context.Background(), u.ID, db.RoleResearcher); err != nil {
		t.Fatal(err)
	}
	if res := b.get("/projects"); res.Code != http.StatusOK {
		t.Errorf("researcher at /projects: %d", res.Code)
	}
	if err := s.st.SetDisabled(context.Background(), u.ID, true); err != nil {
		t.Fatal(err)
	}
	if res := b.get("/projects"); res.Code != http.StatusSeeOther {
		t.Errorf("disabled at /projects: %d", res.Code)
	}
}

func TestSignOut(t *testing.T) {
	s := newTestSite(t)
	b := s.as(db.RoleLabeler)
	stolen := &browser{s, slices.Clone(b.cookies)}
	if res := b.post("/signout", nil); res.Code != http.StatusSeeOther {
		t.Fatalf("sign out: %d", res.Code)
	}
	if res := stolen.get("/tasks"); res.Code != http.StatusSeeOther {
		t.Errorf("the session lives on: %d", res.Code)
	}
}

func TestCrossOrigin(t *testing.T) {
	tests := []struct {
		name          string
		header, value string
		refused       bool
	}{
		{"from this site", "Sec-Fetch-Site", "same-origin", false},
		{"typed", "Sec-Fetch-Site", "none", false},
		{"from another site", "Sec-Fetch-Site", "cross-site", true},
		{"from a sibling", "Sec-Fetch-Site", "same-site", true},
		{"old browser, this site", "Origin", "http://example.com", false},
		{"old browser, another site", "Origin", "http://evil.example", true},
		{"sandboxed frame", "Origin", "null", true},
		{"no browser", "X-Nothing", "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newTestSite(t)
			req := httptest.NewRequest(http.MethodPost, "/signout", nil)
			req.Header.Set(tt.header, tt.value)
			if res := s.as(db.RoleLabeler).send(req); (res.Code == http.StatusForbidden) != tt.refused {
				t.Errorf("status %d", res.Code)
			}
		})
	}
}

func TestHeaders(t *testing.T) {
	s := newTestSite(t)
	h := s.visitor().get("/signin").Header()
	for name, want := range map[string]string{
		"Content-Security-Policy": "default-src 'none'", "X-Content-Type-Options": "nosniff",
		"Referrer-Policy": "same-origin", "Cache-Control": "no-store",
	} {
		if got := h.Get(name); !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if csp := h.Get("Content-Security-Policy"); strings.Contains(csp, "unsafe") {
		t.Errorf("policy %q", csp)
	}
}

// TestFailuresAreKind breaks a handler in several ways. Nothing of the inside
// reaches the page.
func TestFailuresAreKind(t *testing.T) {
	tests := []struct {
		name   string
		handle Handler
		status int
	}{
		{"panic", func(*gin.Context) error { panic("secret detail") }, 500},
		{"unknown error", func(*gin.Context) error { return errWith("secret detail") }, 500},
		{"full disk", func(*gin.Context) error { return db.ErrFull }, 507},
		{"server away", func(*gin.Context) error { return db.ErrUnreachable }, 503},
		{"lost lease", func(*gin.Context) error { return db.ErrLeaseLost }, 409},
		{"bad input", func(*gin.Context) error { return &db.InvalidError{Field: "k", Reason: "is odd"} }, 422},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newTestSite(t)
			e := must(s.mount([]Route{{Method: http.MethodGet, Path: "/x", Allow: public, Handle: tt.handle}}))
			res := httptest.NewRecorder()
			s.sessions.LoadAndSave(e).ServeHTTP(res, httptest.NewRequest(http.MethodGet, "/x", nil))
			if res.Code != tt.status || strings.Contains(res.Body.String(), "secret") || !strings.Contains(res.Body.String(), "<h1") {
				t.Errorf("status %d, body %s", res.Code, res.Body)
			}
		})
	}
}

type errWith string

func (e errWith) Error() string { return string(e) }

func TestRouteWithoutAccessIsRefused(t *testing.T) {
	s := newTestSite(t)
	if _, err := s.mount([]Route{{Method: http.MethodGet, Path: "/x", Handle: s.health}}); err == nil {
		t.Error("a route that forgot its access was mounted")
	}
}

func TestUnknownHost(t *testing.T) {
	s := newTestSite(t)
	s.public.Hosts = []string{"localhost", "127.0.0.1", "::1"}
	for host, want := range map[string]int{"localhost:8080": 200, "127.0.0.1": 200, "[::1]:8080": 200, "LOCALHOST": 200, "evil.example": 421} {
		req := httptest.NewRequest(http.MethodGet, "/healthz", nil)
		req.Host = host
		if res := s.visitor().send(req); res.Code != want {
			t.Errorf("%s: %d, want %d", host, res.Code, want)
		}
	}
}

func TestClientAddress(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	tests := []struct {
		name, remote, forwarded, want string
		proxies                       []netip.Prefix
	}{
		{"direct", "192.0.2.1:99", "", "192.0.2.1", nil},
		{"forged without proxies", "192.0.2.1:99", "198.51.100.7", "192.0.2.1", nil},
		{"forged beside the proxy", "192.0.2.1:99", "198.51.100.7", "192.0.2.1", proxies},
		{"through the proxy", "10.0.0.1:99", "198.51.100.7", "198.51.100.7", proxies},
		{"forged through the proxy", "10.0.0.1:99", "127.0.0.1, 198.51.100.7", "198.51.100.7", proxies},
		{"two proxies", "10.0.0.1:99", "198.51.100.7, 10.0.0.2", "198.51.100.7", proxies},
		{"garbage", "10.0.0.1:99", "what", "10.0.0.1", proxies},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := &Server{public: PublicAddress{Proxies: tt.proxies}}
			req := httptest.NewRequest(http.MethodGet, "/", nil)
			req.RemoteAddr = tt.remote
			req.Header.Set("X-Forwarded-For", tt.forwarded)
			if got := s.clientAddress(req).String(); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestPasswordHashes(t *testing.T) {
	if !VerifyPassword(testHash, testPassword) || VerifyPassword(testHash, "wrong") {
		t.Error("hash and password do not go together as they should")
	}
	// A vector of the reference implementation (P-H-C/phc-winner-argon2), as in x/crypto/argon2's tests.
	known := "$argon2id$v=19$m=64,t=2,p=2$c29tZXNhbHQ$NQrDciL0Nsy1wJcvHr079rlYvyBxhBNi"
	if !VerifyPassword(known, "password") {
		t.Error("a hash of the reference implementation is not understood")
	}
	for _, broken := range []string{"", "x", "$argon2id$v=19$m=1,t=0,p=1$AAAA$AAAA", "$argon2i$v=19$m=65536,t=2,p=4$c29tZXNhbHQ$AAAA",
		"$argon2id$v=19$m=99999999,t=2,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$"} {
		if VerifyPassword(broken, "") || VerifyPassword(broken, "nobody") {
			t.Errorf("%q matches", broken)
		}
	}
	if _, err := HashPassword("ninechars"); err == nil {
		t.Error("a short password was accepted")
	}
}
