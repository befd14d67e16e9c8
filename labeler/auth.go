package labeler

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"agora/db"
	"agora/views"

	"github.com/gin-gonic/gin"
)

// routesAuth serves signing in and out, and the links that make accounts.
func (s *Server) routesAuth() []Route {
	return []Route{
		{Method: http.MethodGet, Path: "/signin", Allow: public, Handle: s.signInForm},
		{Method: http.MethodPost, Path: "/signin", Allow: public, Handle: s.signInSend},
		{Method: http.MethodPost, Path: "/signout", Allow: public, Handle: s.signOut},
		{Method: http.MethodGet, Path: "/join/:token", Allow: public, Handle: s.joinForm},
		{Method: http.MethodPost, Path: "/join/:token", Allow: public, Handle: s.joinSend},
	}
}

// signInForm asks for name and password, and tells whoever comes first where
// the first account is made.
func (s *Server) signInForm(c *gin.Context) error {
	if user(c).ID != 0 {
		return seeOther(c, localPath(c.Query("next")))
	}
	has, err := s.store.HasAdmin(c.Request.Context())
	if err != nil {
		return err
	}
	f := s.frame(c, say(c, "signin.title"))
	if !has {
		f.Notices = append(f.Notices, views.Notice{Title: say(c, "signin.first"), Text: say(c, "signin.first.text")})
	}
	return render(c, http.StatusOK, views.SignInPage(f, views.SignIn{Next: localPath(c.Query("next"))}))
}

// signInSend checks name and password. Wrong, unknown and disabled look alike.
func (s *Server) signInSend(c *gin.Context) error {
	name, next := strings.TrimSpace(c.PostForm("name")), localPath(c.PostForm("next"))
	if !s.logins.allow(strings.ToLower(name), s.clientAddress(c.Request).String(), time.Now()) {
		return errTooMany
	}
	u, err := s.store.UserByName(c.Request.Context(), name)
	if err != nil && !errors.Is(err, db.ErrNotFound) {
		return err
	}
	if !s.verify(u.PasswordHash, c.PostForm("password")) || u.Disabled {
		page := views.SignIn{Name: name, Next: next, Error: say(c, "signin.wrong")}
		return render(c, http.StatusUnprocessableEntity, views.SignInPage(s.frame(c, say(c, "signin.title")), page))
	}
	return s.enter(c, u, next)
}

// verify hashes at most two passwords at a time: each takes 19 MiB.
func (s *Server) verify(hash, password string) bool {
	s.hashing <- struct{}{}
	defer func() { <-s.hashing }()
	return VerifyPassword(hash, password)
}

func (s *Server) hash(password string) (string, error) {
	s.hashing <- struct{}{}
	defer func() { <-s.hashing }()
	return HashPassword(password)
}

func (s *Server) signOut(c *gin.Context) error {
	if err := s.sessions.Destroy(c.Request.Context()); err != nil {
		return err
	}
	return seeOther(c, "/signin")
}

// joinForm shows what a link is for. Opening it uses nothing up, so that a
// chat program's preview does not spend it.
func (s *Server) joinForm(c *gin.Context) error {
	inv, err := s.openInvite(c)
	if err != nil {
		return err
	}
	if user(c).ID != 0 && inv.UserID == 0 && inv.ProjectID != 0 && inv.Role == db.RoleLabeler {
		p, err := s.store.Project(c.Request.Context(), inv.ProjectID)
		if err != nil {
			return err
		}
		return render(c, http.StatusOK, views.SignedInJoin(s.frame(c, say(c, "join.as.title")), "/join/"+c.Param("token"), user(c).Name, p.Title))
	}
	return s.joinPage(c, http.StatusOK, inv, views.Join{})
}

// joinAsMe uses a link to a project up for who is signed in.
func (s *Server) joinAsMe(c *gin.Context) error {
	inv, err := s.store.JoinBy(c.Request.Context(), c.Param("token"), user(c).ID)
	if err != nil {
		return err
	}
	to, err := s.firstPage(c, inv.ProjectID, user(c))
	if err != nil {
		return err
	}
	return seeOther(c, to)
}

// firstPage is where somebody goes who used a link up: the first step of
// joining its project, or home when there is none.
func (s *Server) firstPage(c *gin.Context, projectID int64, u db.User) (string, error) {
	if projectID == 0 {
		return "/", nil
	}
	stage, err := s.stageOf(c.Request.Context(), u, projectID)
	if err != nil || stage == db.StageActive {
		return "/", err
	}
	return welcomePath(projectID), nil
}

// joinSend uses the link up: it makes the account, or sets the new password,
// and signs the person in.
func (s *Server) joinSend(c *gin.Context) error {
	inv, err := s.openInvite(c)
	if err != nil {
		return err
	}
	if c.PostForm("as") == "me" && user(c).ID != 0 {
		return s.joinAsMe(c)
	}
	form := views.Join{Name: strings.TrimSpace(c.PostForm("name")), Errors: map[string]string{}}
	if c.PostForm("password") != c.PostForm("again") {
		form.Errors["again"] = say(c, "join.mismatch")
		return s.joinPage(c, http.StatusUnprocessableEntity, inv, form)
	}
	hash, err := s.hash(c.PostForm("password"))
	var u db.User
	if err == nil {
		u, err = s.store.AcceptInvite(c.Request.Context(), c.Param("token"), form.Name, hash)
	}
	var invalid *db.InvalidError
	switch {
	case errors.As(err, &invalid):
		form.Errors[invalid.Field] = said(c, invalid)
		return s.joinPage(c, http.StatusUnprocessableEntity, inv, form)
	case errors.Is(err, db.ErrNameTaken):
		form.Errors["name"] = say(c, "join.name.taken")
		return s.joinPage(c, http.StatusUnprocessableEntity, inv, form)
	case err != nil:
		return err
	}
	next, err := s.firstPage(c, inv.ProjectID, u)
	if err != nil {
		return err
	}
	return s.enter(c, u, next)
}

// openInvite finds the link's invitation; guessing is limited by address.
func (s *Server) openInvite(c *gin.Context) (db.Invite, error) {
	if !s.logins.addresses.allow(s.clientAddress(c.Request).String(), time.Now()) {
		return db.Invite{}, errTooMany
	}
	return s.store.Invite(c.Request.Context(), c.Param("token"))
}

// joinPage shows the form, with what was wrong.
func (s *Server) joinPage(c *gin.Context, status int, inv db.Invite, j views.Join) error {
	ctx := c.Request.Context()
	title := say(c, "join.title")
	j.Action, j.Role, j.MinPassword = "/join/"+c.Param("token"), string(inv.Role), minPassword
	if inv.ProjectID != 0 {
		p, err := s.store.Project(ctx, inv.ProjectID)
		if err != nil {
			return err
		}
		j.Project = p.Title
	}
	if inv.UserID != 0 {
		u, err := s.store.User(ctx, inv.UserID)
		if err != nil {
			return err
		}
		title, j.Name = say(c, "join.title.reset"), u.Name
	}
	return render(c, status, views.JoinPage(s.frame(c, title), j))
}
