package labeler

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"agora/db"

	"github.com/alexedwards/scs/v2"
	"github.com/gin-gonic/gin"
)

// sessionLife is how long a sign-in lasts.
const sessionLife = 7 * 24 * time.Hour

// newSessions keeps sign-ins on the server: the cookie holds a random token,
// the database its hash, so that a sign-out or a lock-out works at once.
func newSessions(store *db.Store, public PublicAddress) *scs.SessionManager {
	m := scs.New()
	m.Store = store.Sessions() // the default store's idle goroutine stays: stopping it races with its start
	m.Lifetime = sessionLife
	m.Cookie.Name = public.cookie()
	m.Cookie.HttpOnly = true
	m.Cookie.SameSite = http.SameSiteLaxMode
	m.Cookie.Path = "/"
	m.Cookie.Secure = public.Secure
	return m
}

// cookie names the session cookie. Browsers send cookies to every port of a
// host, so two sites on one machine need two names.
func (p PublicAddress) cookie() string {
	if p.Secure {
		return "__Host-agora" // browsers take it under https for this very host only
	}
	if u, err := url.Parse(p.URL); err == nil && u.Port() != "" {
		return "agora-" + u.Port()
	}
	return "agora"
}

// signIn starts a session for u under a fresh token.
func (s *Server) signIn(c *gin.Context, u db.User) error {
	ctx := c.Request.Context()
	if err := s.sessions.RenewToken(ctx); err != nil {
		return err
	}
	s.sessions.Put(ctx, "user", u.ID)
	s.sessions.Put(ctx, "epoch", u.SessionEpoch)
	return s.store.SignedIn(ctx, u.ID)
}

// signedIn loads who the session belongs to; ID 0 is nobody. It reads the
// person anew for each request, so that a change of role or a lock-out counts
// from the next click.
func (s *Server) signedIn(c *gin.Context) (db.User, error) {
	ctx := c.Request.Context()
	id := s.sessions.GetInt64(ctx, "user")
	if id == 0 {
		return db.User{}, nil
	}
	u, err := s.store.User(ctx, id)
	if errors.Is(err, db.ErrNotFound) {
		return db.User{}, nil
	}
	if err != nil || u.Disabled || u.SessionEpoch != s.sessions.GetInt(ctx, "epoch") {
		return db.User{}, err
	}
	return u, nil
}

// sessionFailed answers when the session store itself does.
func (s *Server) sessionFailed(w http.ResponseWriter, _ *http.Request, err error) {
	s.log.Error("session", "error", err)
	http.Error(w, "The site cannot reach its database right now. Nothing was saved; please try again in a moment.", http.StatusServiceUnavailable)
}

// localPath returns next when it is a path of this site, else "/".
func localPath(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n\t") {
		return "/"
	}
	return next
}

func urlQuery(text string) string { return url.QueryEscape(text) }

func splitHash(text string) []string {
	return strings.Split(strings.TrimPrefix(text, "$"), "$")
}
