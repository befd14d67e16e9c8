package labeler

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"agora/db"
)

// access is the table of who may use what: every address of the site with the
// weakest role that it serves. A route without a row here fails the build, and
// so does a row without a route.
var access = map[string]db.Role{
	"GET /signin":       nobody,
	"POST /signin":      nobody,
	"POST /signout":     nobody,
	"GET /join/:token":  nobody,
	"POST /join/:token": nobody,
	"GET /healthz":      nobody,
	"GET /signin/code":  nobody,
	"POST /signin/code": nobody,
	"POST /language":    nobody,

	"GET /":                        db.RoleLabeler,
	"GET /tasks":                   db.RoleLabeler,
	"POST /tasks/next":             db.RoleLabeler,
	"GET /tasks/:lease":            db.RoleLabeler,
	"POST /tasks/:lease":           db.RoleLabeler,
	"POST /tasks/:lease/draft":     db.RoleLabeler,
	"POST /tasks/:lease/skip":      db.RoleLabeler,
	"GET /tasks/:lease/difference": db.RoleLabeler,
	"GET /answers":                 db.RoleLabeler,
	"POST /answers/undo":           db.RoleLabeler,
	"GET /guidelines/:project":     db.RoleLabeler,
	"POST /account/single-keys":    db.RoleLabeler,

	"GET /account":                         db.RoleLabeler,
	"POST /account/password":               db.RoleLabeler,
	"GET /account/totp":                    db.RoleLabeler,
	"POST /account/totp":                   db.RoleLabeler,
	"POST /account/totp/confirm":           db.RoleLabeler,
	"POST /account/totp/codes":             db.RoleLabeler,
	"POST /account/totp/off":               db.RoleLabeler,
	"GET /account/profile":                 db.RoleLabeler,
	"POST /account/profile":                db.RoleLabeler,
	"GET /account/data":                    db.RoleLabeler,
	"GET /account/data.json":               db.RoleLabeler,
	"GET /account/data/:project/answered":  db.RoleLabeler,
	"POST /account/data/:project/answered": db.RoleLabeler,
	"GET /account/data/:project/survey":    db.RoleLabeler,
	"POST /account/data/:project/survey":   db.RoleLabeler,
	"GET /account/data/:project/answers":   db.RoleLabeler,
	"POST /account/data/:project/answers":  db.RoleLabeler,
	"GET /account/data/:project/leave":     db.RoleLabeler,
	"POST /account/data/:project/leave":    db.RoleLabeler,
	"GET /welcome/:project":                db.RoleLabeler,
	"POST /welcome/:project/profile":       db.RoleLabeler,
	"POST /welcome/:project/consent":       db.RoleLabeler,
	"POST /welcome/:project/reconsider":    db.RoleLabeler,
	"POST /welcome/:project/survey":        db.RoleLabeler,
	"POST /welcome/:project/survey/skip":   db.RoleLabeler,
	"POST /welcome/:project/guidelines":    db.RoleLabeler,
	"GET /practice/:lease":                 db.RoleLabeler,
	"POST /guidelines/:project/read":       db.RoleLabeler,
	"GET /questions/:project":              db.RoleLabeler,
	"POST /questions/:project":             db.RoleLabeler,
	"POST /questions/:project/:question":   db.RoleLabeler,
	"GET /feedback/:project":               db.RoleLabeler,
	"POST /feedback/:project":              db.RoleLabeler,

	"POST /questions/:project/:question/hide":          db.RoleResearcher,
	"GET /projects/:project/guidelines":                db.RoleResearcher,
	"POST /projects/:project/guidelines/language":      db.RoleResearcher,
	"GET /projects/:project/feedback":                  db.RoleResearcher,
	"GET /projects/:project/people":                    db.RoleResearcher,
	"POST /projects/:project/people/joining":           db.RoleResearcher,
	"POST /projects/:project/people/consent":           db.RoleResearcher,
	"GET /projects/:project/people/keys":               db.RoleResearcher,
	"GET /projects/:project/people/keys/:item":         db.RoleResearcher,
	"POST /projects/:project/people/keys/:item":        db.RoleResearcher,
	"POST /projects/:project/people/keys/:item/answer": db.RoleResearcher,
	"GET /projects/:project/people/screening":          db.RoleResearcher,
	"POST /projects/:project/people/screening/score":   db.RoleResearcher,
	"POST /projects/:project/people/screening/decide":  db.RoleResearcher,

	"POST /users/:user/totp": db.RoleAdmin,
	"POST /users/:user/role": db.RoleAdmin,

	"GET /projects":                                           db.RoleReviewer,
	"GET /projects/:project":                                  db.RoleReviewer,
	"GET /projects/:project/items":                            db.RoleReviewer,
	"GET /projects/:project/form":                             db.RoleReviewer,
	"GET /projects/:project/items/:item":                      db.RoleReviewer,
	"GET /projects/:project/winrate":                          db.RoleReviewer,
	"GET /projects/:project/winrate/events":                   db.RoleReviewer,
	"GET /projects/:project/agreement":                        db.RoleReviewer,
	"GET /projects/:project/leaderboard":                      db.RoleReviewer,
	"GET /projects/:project/leaderboard/events":               db.RoleReviewer,
	"GET /projects/:project/disagreement":                     db.RoleReviewer,
	"GET /projects/:project/disagreement/events":              db.RoleReviewer,
	"GET /projects/:project/disagreement/export":              db.RoleReviewer,
	"GET /projects/:project/disagreement/items/:item":         db.RoleReviewer,
	"GET /projects/:project/disagreement/items/:item/events":  db.RoleReviewer,
	"GET /projects/:project/queue":                            db.RoleReviewer,
	"GET /projects/:project/pool":                             db.RoleReviewer,
	"GET /projects/:project/quality":                          db.RoleReviewer,
	"GET /projects/:project/quality/events":                   db.RoleReviewer,
	"GET /projects/:project/quality/labelers/:worker":         db.RoleReviewer,
	"GET /projects/:project/quality/labelers/:worker/events":  db.RoleReviewer,
	"GET /projects/:project/review":                           db.RoleReviewer,
	"GET /projects/:project/review/items/:item":               db.RoleReviewer,
	"POST /projects/:project/review/answers/:answer/comment":  db.RoleReviewer,
	"POST /projects/:project/review/answers/:answer/return":   db.RoleReviewer,
	"POST /projects/:project/review/answers/:answer/takeback": db.RoleReviewer,
	"POST /projects/:project/review/answers/:answer/exclude":  db.RoleReviewer,
	"POST /projects/:project/review/answers/:answer/include":  db.RoleReviewer,
	"GET /projects/:project/artefacts":                        db.RoleReviewer,

	"POST /projects/:project/artefacts/:artefact/retire": db.RoleResearcher,
	"POST /projects/:project/withdraw":                   db.RoleResearcher,
	"GET /projects/:project/audit":                       db.RoleResearcher,
	"GET /projects/:project/audit.csv":                   db.RoleResearcher,
	"GET /projects/:project/import":                      db.RoleResearcher,
	"POST /projects/:project/import":                     db.RoleResearcher,
	"GET /projects/:project/import/:upload":              db.RoleResearcher,
	"GET /projects/:project/import/:upload/state":        db.RoleResearcher,
	"POST /projects/:project/import/:upload/mapping":     db.RoleResearcher,
	"POST /projects/:project/import/:upload/start":       db.RoleResearcher,
	"POST /projects/:project/import/:upload/cancel":      db.RoleResearcher,
	"POST /projects/:project/queue":                      db.RoleResearcher,
	"POST /projects/:project/queue/scores":               db.RoleResearcher,
	"POST /projects/:project/pool/targets":               db.RoleResearcher,
	"POST /projects/:project/pool/pay":                   db.RoleResearcher,
	"GET /projects/:project/pool/pay":                    db.RoleResearcher,
	"GET /projects/:project/pool/pay/names":              db.RoleAdmin,
	"GET /projects/:project/export":                      db.RoleResearcher,
	"POST /projects/:project/export":                     db.RoleResearcher,

	"GET /audit":     db.RoleAdmin,
	"GET /audit.csv": db.RoleAdmin,

	"GET /runs":             db.RoleReviewer,
	"GET /runs/:run":        db.RoleReviewer,
	"GET /runs/:run/events": db.RoleReviewer,

	"POST /projects":                                 db.RoleResearcher,
	"POST /projects/:project/guidelines":             db.RoleResearcher,
	"POST /projects/:project/form":                   db.RoleResearcher,
	"POST /projects/:project/form/briefs":            db.RoleResearcher,
	"POST /projects/:project/form/passon":            db.RoleResearcher,
	"POST /projects/:project/settings":               db.RoleResearcher,
	"POST /projects/:project/invites":                db.RoleResearcher,
	"POST /projects/:project/invites/:invite/revoke": db.RoleResearcher,
	"GET /components":                                db.RoleResearcher,
	"GET /runs/new":                                  db.RoleResearcher,
	"POST /runs":                                     db.RoleResearcher,
	"POST /runs/:run/stop":                           db.RoleResearcher,
	"POST /runs/:run/resume":                         db.RoleResearcher,

	"GET /users":                         db.RoleAdmin,
	"POST /users/invites":                db.RoleAdmin,
	"POST /users/invites/:invite/revoke": db.RoleAdmin,
	"POST /users/:user/disable":          db.RoleAdmin,
	"POST /users/:user/enable":           db.RoleAdmin,
	"POST /users/:user/reset":            db.RoleAdmin,
}

// nobody stands for a visitor who has not signed in.
const nobody db.Role = ""

func TestEveryRouteHasARow(t *testing.T) {
	s := newTestSite(t)
	seen := map[string]bool{}
	engine, err := s.mount(s.routes())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range engine.Routes() {
		key := r.Method + " " + r.Path
		seen[key] = true
		if _, ok := access[key]; !ok {
			t.Errorf("%s has no row in the access table", key)
		}
	}
	for key := range access {
		if !seen[key] {
			t.Errorf("%s is in the access table but is no route", key)
		}
	}
}

// TestAccess walks the table with a visitor and every role, and looks at who
// is turned away.
func TestAccess(t *testing.T) {
	for _, role := range append([]db.Role{nobody}, db.Roles...) {
		s := newTestSite(t)
		var u db.User
		if role != nobody {
			u = s.addUser("someone", role)
		}
		for key, weakest := range access {
			t.Run(string(role)+" "+strings.ReplaceAll(key, "/", "∕"), func(t *testing.T) {
				b := s.visitor()
				if role != nobody {
					b = s.signedInAs(u)
				}
				method, pattern, _ := strings.Cut(key, " ")
				res := b.do(method, fillPath(pattern), url.Values{})
				if rank(role) >= rank(weakest) {
					wantServed(t, res)
				} else {
					wantRefused(t, role, method, res)
				}
			})
		}
	}
}

// rank orders visitors and roles by what they may do.
func rank(r db.Role) int {
	for i, known := range db.Roles {
		if r == known {
			return i + 1
		}
	}
	return 0
}

// fillPath puts something into the parameters of a pattern that does not exist.
func fillPath(pattern string) string {
	return regexp.MustCompile(`[:*]\w+`).ReplaceAllString(pattern, "999")
}

// wantServed accepts every outcome but being turned away or breaking.
func wantServed(t *testing.T, res *httptest.ResponseRecorder) {
	t.Helper()
	toSignIn := strings.HasPrefix(res.Header().Get("Location"), "/signin?")
	if res.Code == http.StatusUnauthorized || res.Code == http.StatusForbidden || res.Code >= 500 || toSignIn {
		t.Errorf("status %d, location %q, want to be served", res.Code, res.Header().Get("Location"))
	}
}

func wantRefused(t *testing.T, role db.Role, method string, res *httptest.ResponseRecorder) {
	t.Helper()
	want := http.StatusForbidden
	if role == nobody {
		want = http.StatusUnauthorized
		if method == http.MethodGet {
			want = http.StatusSeeOther
		}
	}
	if res.Code != want {
		t.Errorf("status %d, want %d", res.Code, want)
	}
	if to := res.Header().Get("Location"); want == http.StatusSeeOther && !strings.HasPrefix(to, "/signin?next=") {
		t.Errorf("sent to %q, want /signin", to)
	}
}
