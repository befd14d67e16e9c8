package db_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"agora/db"
	"agora/db/dbtest"
)

func TestUsers(t *testing.T) {
	st := dbtest.Open(t)
	ctx := t.Context()
	ana := must(st.CreateUser(ctx, "Ana", db.RoleLabeler, "h1"))(t)
	_, err := st.CreateUser(ctx, "aNa", db.RoleAdmin, "")
	wantErr(t, err, db.ErrNameTaken)
	must(st.CreateUser(ctx, "Ünal", db.RoleLabeler, ""))(t)
	must(st.CreateUser(ctx, "سارة", db.RoleLabeler, ""))(t)
	must(st.CreateUser(ctx, "हिन्दी", db.RoleLabeler, ""))(t)
	must(st.CreateUser(ctx, "bo@example.org", db.RoleLabeler, ""))(t)
	for _, same := range []string{"ünal", "ÜNAL", "U\u0308nal", "سارة", "BO@example.ORG"} {
		if _, err := st.UserByName(ctx, same); err != nil {
			t.Errorf("%s is not found: %v", same, err)
		}
	}
	for _, bad := range []string{"", " ana", "سارةana\u202e", "a/b", "a\nb", string(make([]byte, 70))} {
		var invalid *db.InvalidError
		if _, err := st.CreateUser(ctx, bad, db.RoleLabeler, ""); !errors.As(err, &invalid) {
			t.Errorf("name %q: %v", bad, err)
		}
	}
	if _, err := st.CreateUser(ctx, "bo", "king", ""); err == nil {
		t.Error("unknown role accepted")
	}
	if has := must(st.HasAdmin(ctx))(t); has {
		t.Error("a labeler counts as admin")
	}
	if err := st.SetRole(ctx, ana.ID, db.RoleAdmin); err != nil {
		t.Fatal(err)
	}
	if has := must(st.HasAdmin(ctx))(t); !has {
		t.Error("no admin found")
	}
	if err := st.SetDisabled(ctx, ana.ID, true); err != nil {
		t.Fatal(err)
	}
	if has := must(st.HasAdmin(ctx))(t); has {
		t.Error("a disabled admin counts")
	}
	if u := must(st.User(ctx, ana.ID))(t); !u.Disabled || u.SessionEpoch != 1 {
		t.Errorf("disabled: %+v", u)
	}
	wantErr(t, st.SetDisabled(ctx, 99, true), db.ErrNotFound)
}

func TestInvites(t *testing.T) {
	st := dbtest.Open(t)
	ctx := t.Context()
	p := must(st.CreateProject(ctx, db.DefaultProject("sky")))(t)
	invite := func(inv db.Invite) string {
		t.Helper()
		token, _, err := st.CreateInvite(ctx, inv, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	token := invite(db.Invite{Role: db.RoleLabeler, ProjectID: p.ID})
	u := must(st.AcceptInvite(ctx, token, "ana", "hash"))(t)
	if u.Role != db.RoleLabeler {
		t.Errorf("role %s", u.Role)
	}
	if member := must(st.IsMember(ctx, p.ID, u.ID))(t); !member {
		t.Error("not in the project")
	}
	_, err := st.AcceptInvite(ctx, token, "bo", "hash")
	wantErr(t, err, db.ErrLinkUsed)

	taken := invite(db.Invite{Role: db.RoleReviewer})
	_, err = st.AcceptInvite(ctx, taken, "ANA", "hash")
	wantErr(t, err, db.ErrNameTaken)
	must(st.AcceptInvite(ctx, taken, "cy", "hash"))(t) // a failed attempt does not use it up

	old := invite(db.Invite{Role: db.RoleLabeler})
	st.Clock.Advance(time.Hour)
	_, err = st.AcceptInvite(ctx, old, "di", "hash")
	wantErr(t, err, db.ErrLinkOver)
	_, err = st.Invite(ctx, "guess")
	wantErr(t, err, db.ErrNotFound)

	reset := invite(db.Invite{Role: db.RoleLabeler, UserID: u.ID})
	again := must(st.AcceptInvite(ctx, reset, "ignored", "new"))(t)
	if again.ID != u.ID || again.Name != "ana" || again.PasswordHash != "new" || again.SessionEpoch != u.SessionEpoch+1 {
		t.Errorf("reset gave %+v", again)
	}

	first, second := invite(db.Invite{Role: db.RoleAdmin}), ""
	if err := st.RevokeFirstAdminLinks(ctx); err != nil {
		t.Fatal(err)
	}
	second = invite(db.Invite{Role: db.RoleAdmin})
	_, err = st.Invite(ctx, first)
	wantErr(t, err, db.ErrLinkOver)
	must(st.Invite(ctx, second))(t)
}

func TestLinksAndAccountsAreLogged(t *testing.T) {
	st := dbtest.Open(t)
	ctx := t.Context()
	u := must(st.CreateUser(ctx, "root", db.RoleAdmin, "x"))(t)
	token, _, err := st.CreateInvite(ctx, db.Invite{Role: db.RoleLabeler, CreatedBy: u.ID}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	must(st.AcceptInvite(ctx, token, "ana", "x"))(t)
	var actions []string
	for _, line := range must(st.AuditLog(ctx, 10))(t) {
		actions = append(actions, line.Action)
		if strings.Contains(line.Detail, token) {
			t.Error("a secret is in the log")
		}
	}
	if want := []string{"invite.accept", "invite.create", "user.create"}; !slices.Equal(actions, want) {
		t.Errorf("log %v, want %v", actions, want)
	}
}

func TestSessions(t *testing.T) {
	st := dbtest.Open(t)
	ctx, c := t.Context(), st.Sessions()
	end := st.Clock.Now().Add(time.Hour)
	for _, data := range []string{"one", "two"} { // a second commit overwrites
		if err := c.CommitCtx(ctx, "token", []byte(data), end); err != nil {
			t.Fatal(err)
		}
	}
	if b, ok, err := c.FindCtx(ctx, "token"); err != nil || !ok || string(b) != "two" {
		t.Errorf("found %q %v %v", b, ok, err)
	}
	if _, ok, err := c.Find("other"); ok || err != nil {
		t.Errorf("unknown token: %v %v", ok, err)
	}
	st.Clock.Advance(time.Hour)
	if _, ok, _ := c.Find("token"); ok {
		t.Error("a session outlived its end")
	}
	if err := c.DeleteExpired(ctx); err != nil {
		t.Fatal(err)
	}
	if err := c.Delete("token"); err != nil {
		t.Errorf("deleting a session twice: %v", err)
	}
}

func TestPseudonyms(t *testing.T) {
	st := dbtest.Open(t)
	ctx := t.Context()
	u := must(st.CreateUser(ctx, "ana", db.RoleLabeler, ""))(t)
	a := must(st.CreateProject(ctx, db.DefaultProject("a")))(t)
	b := must(st.CreateProject(ctx, db.DefaultProject("b")))(t)
	first := must(st.Join(ctx, a.ID, u.ID))(t)
	if again := must(st.Join(ctx, a.ID, u.ID))(t); again.Worker != first.Worker {
		t.Error("the pseudonym changed within a project")
	}
	if other := must(st.Join(ctx, b.ID, u.ID))(t); other.Worker == first.Worker {
		t.Error("one pseudonym in two projects")
	}
}

func TestProjects(t *testing.T) {
	st := dbtest.Open(t)
	ctx := t.Context()
	p := must(st.CreateProject(ctx, db.DefaultProject("sky")))(t)
	_, err := st.CreateProject(ctx, db.DefaultProject("sky"))
	wantErr(t, err, db.ErrNameTaken)
	bad := map[string]func(*db.Project){
		"name":          func(p *db.Project) { p.Name = "../x" },
		"kind":          func(p *db.Project) { p.Kind = "vote" },
		"k":             func(p *db.Project) { p.K = 10 },
		"overlap":       func(p *db.Project) { p.Overlap = 0 },
		"lease_minutes": func(p *db.Project) { p.LeaseMinutes = 0 },
		"edit_minutes":  func(p *db.Project) { p.EditMinutes = -1 },
	}
	for field, spoil := range bad {
		q := db.DefaultProject("q")
		spoil(&q)
		var invalid *db.InvalidError
		if _, err := st.CreateProject(ctx, q); !errors.As(err, &invalid) || invalid.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	p.Instructions = "Be kind."
	p.Kind, p.K = db.KindPairwise, 2 // stays what it was
	p = must(st.UpdateProject(ctx, 0, p))(t)
	if p.GuidelineVersion() != "g2" || p.Kind != db.KindRank || p.K != 4 {
		t.Errorf("updated to %+v", p)
	}
	if p = must(st.UpdateProject(ctx, 0, p))(t); p.GuidelineVersion() != "g2" {
		t.Error("the version counts up without a change")
	}
	_, err = st.ProjectByName(ctx, "sea")
	wantErr(t, err, db.ErrNotFound)
}

func TestSettings(t *testing.T) {
	st := dbtest.Open(t)
	ctx := t.Context()
	for _, want := range []string{"", "http://a", "http://b"} {
		if want != "" {
			if err := st.SetSetting(ctx, db.SiteURL, want); err != nil {
				t.Fatal(err)
			}
		}
		if got := must(st.Setting(ctx, db.SiteURL))(t); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
