package labeler

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"agora/db"
	"agora/views"

	"github.com/gin-gonic/gin"
)

// halfLife is how long a right password waits for its code.
const halfLife = 5 * time.Minute

// routesSignInCode serves the second step of signing in.
func (s *Server) routesSignInCode() []Route {
	return []Route{
		{Method: http.MethodGet, Path: "/signin/code", Allow: public, Handle: s.codeForm},
		{Method: http.MethodPost, Path: "/signin/code", Allow: public, Handle: s.codeSend},
	}
}

// enter signs somebody in whose password (or link) was right, or asks for the
// code of their app first.
func (s *Server) enter(c *gin.Context, u db.User, next string) error {
	if u.TOTP == 0 {
		if err := s.signIn(c, u); err != nil {
			return err
		}
		return seeOther(c, next)
	}
	ctx := c.Request.Context()
	if err := s.sessions.RenewToken(ctx); err != nil {
		return err
	}
	s.sessions.Remove(ctx, "user")
	s.sessions.Put(ctx, "half", u.ID)
	s.sessions.Put(ctx, "half-epoch", u.SessionEpoch)
	s.sessions.Put(ctx, "half-until", time.Now().Add(halfLife).Unix())
	s.sessions.Put(ctx, "half-next", next)
	return seeOther(c, "/signin/code")
}

// halfway is whose password was right in this session, a moment ago; ID 0: nobody's.
func (s *Server) halfway(c *gin.Context) (db.User, error) {
	ctx := c.Request.Context()
	id := s.sessions.GetInt64(ctx, "half")
	if id == 0 || time.Now().Unix() > s.sessions.GetInt64(ctx, "half-until") {
		return db.User{}, nil
	}
	u, err := s.store.User(ctx, id)
	if err != nil || u.Disabled || u.SessionEpoch != s.sessions.GetInt(ctx, "half-epoch") {
		return db.User{}, err
	}
	return u, nil
}

func (s *Server) codeForm(c *gin.Context) error {
	u, err := s.halfway(c)
	if err != nil {
		return err
	}
	if u.ID == 0 {
		return seeOther(c, "/signin")
	}
	return s.codePage(c, http.StatusOK, "")
}

func (s *Server) codePage(c *gin.Context, status int, problem string) error {
	return render(c, status, views.SignInCodePage(s.frame(c, say(c, "signin.code")), problem))
}

// codeSend takes a code of the app, or a recovery code.
func (s *Server) codeSend(c *gin.Context) error {
	ctx := c.Request.Context()
	u, err := s.halfway(c)
	if err != nil {
		return err
	}
	if u.ID == 0 {
		return seeOther(c, "/signin")
	}
	if !s.codes.allow(fmt.Sprint(u.ID), time.Now()) || !s.logins.addresses.allow(s.clientAddress(c.Request).String(), time.Now()) {
		return errTooMany
	}
	problem, err := s.useCode(c, u, tidyCode(c.PostForm("code")))
	if err != nil {
		return err
	}
	if problem != "" {
		return s.codePage(c, http.StatusUnprocessableEntity, problem)
	}
	next := s.sessions.PopString(ctx, "half-next")
	for _, key := range []string{"half", "half-epoch", "half-until"} {
		s.sessions.Remove(ctx, key)
	}
	if err := s.signIn(c, u); err != nil {
		return err
	}
	return seeOther(c, localPath(next))
}

// useCode checks a code and uses it up. It returns in words why it was not accepted.
func (s *Server) useCode(c *gin.Context, u db.User, code string) (problem string, err error) {
	ctx := c.Request.Context()
	secret, err := s.store.TOTPSecret(ctx, u.ID)
	if err != nil {
		return "", err
	}
	if step, ok := matchTOTP(secret, code, s.store.Now().Time()); ok {
		err := s.store.UseTOTP(ctx, u.ID, step)
		if errors.Is(err, db.ErrCodeUsed) {
			return say(c, "totp.used"), nil
		}
		return "", err
	}
	left, err := s.store.UseRecoveryCode(ctx, u.ID, code)
	switch {
	case errors.Is(err, db.ErrNotFound):
		return say(c, "totp.wrong"), nil
	case err != nil:
		return "", err
	}
	s.notice(c, views.N(ctx, "totp.left", int(left)))
	return "", nil
}
