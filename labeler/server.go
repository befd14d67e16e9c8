// Package labeler is the site: the pages where people rank completions and
// where researchers run projects and trainings.
//
// A request passes the cross-origin check, the session, and the middleware of
// mount, in this order, and ends in the Handler of its Route.
package labeler

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"time"

	"agora/db"
	"agora/views"

	"github.com/a-h/templ"
	"github.com/alexedwards/scs/v2"
	"github.com/gin-gonic/gin"
	"golang.org/x/time/rate"
)

// Server is the running site.
type Server struct {
	store    *db.Store
	sessions *scs.SessionManager
	log      *slog.Logger
	public   PublicAddress
	logins   *loginLimits
	codes    *keyedLimit   // attempts at a second factor, by account
	words    *keyedLimit   // questions and replies, by account
	hashing  chan struct{} // bounds the memory of password hashing
	closing  chan struct{} // closed when the server begins to shut down: event streams end then
	stats    *statCache    // what pages computed from answers
	imports  *importJobs   // uploads being read
	schema   Schema        // describes the trainings' settings
	handler  http.Handler
}

// PublicAddress is how browsers reach the site.
type PublicAddress struct {
	URL     string         // such as https://rank.example.org, without a slash at the end
	Secure  bool           // browsers use https
	Remote  bool           // other machines reach it: whoever runs projects needs a second factor
	Hosts   []string       // accepted Host headers without port; empty: any
	Proxies []netip.Prefix // whose X-Forwarded-For is believed
}

// Options of NewServer.
type Options struct {
	Log    *slog.Logger // default: text on standard error
	Public PublicAddress
	Schema Schema // default: ask this program, `agora config schema`
}

// NewServer makes the site over an open store. It starts nothing and listens
// nowhere: tests call Handler directly.
func NewServer(store *db.Store, o Options) (*Server, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	if o.Schema == nil {
		o.Schema = programSchema()
	}
	s := &Server{
		schema: o.Schema, stats: newStatCache(), imports: newImportJobs(),
		store: store, log: o.Log, public: o.Public,
		sessions: newSessions(store, o.Public),
		logins:   newLoginLimits(), codes: newKeyedLimit(rate.Every(30*time.Second), 5),
		words: newKeyedLimit(rate.Every(20*time.Second), 10), hashing: make(chan struct{}, 2), closing: make(chan struct{}),
	}
	s.sessions.ErrorFunc = s.sessionFailed
	engine, err := s.mount(s.routes())
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle(views.StaticPrefix, s.staticHeaders(views.StaticHandler())) // no session, no database
	mux.Handle("/", s.crossOrigin(s.sessions.LoadAndSave(engine)))
	s.handler = mux
	return s, nil
}

// Handler is the site as one handler.
func (s *Server) Handler() http.Handler { return s.handler }

// wrap runs a handler and turns its error into a page.
func (s *Server) wrap(h Handler) gin.HandlerFunc {
	return func(c *gin.Context) {
		if err := h(c); err != nil {
			s.fail(c, err)
		}
	}
}

// render writes a page. Views are rendered with the request's context.
func render(c *gin.Context, status int, page templ.Component) error {
	c.Header("Content-Type", "text/html; charset=utf-8")
	c.Status(status)
	if err := page.Render(c.Request.Context(), c.Writer); err != nil {
		return fmt.Errorf("render: %w", err)
	}
	return nil
}

// seeOther sends the browser on after a form, so that a reload sends nothing twice.
func seeOther(c *gin.Context, to string) error {
	c.Redirect(http.StatusSeeOther, to)
	return nil
}

// frame is what every page shares, for the person who asks.
func (s *Server) frame(c *gin.Context, title string) views.Frame {
	u := user(c)
	f := views.Frame{Title: title, Path: c.Request.URL.Path, User: views.Person{Name: u.Name, Role: string(u.Role)}}
	if n := s.sessions.PopString(c.Request.Context(), "notice"); n != "" {
		f.Notices = append(f.Notices, views.Notice{Kind: "good", Title: n})
	}
	return f
}

// notice shows a line on the next page this person sees.
func (s *Server) notice(c *gin.Context, text string) {
	s.sessions.Put(c.Request.Context(), "notice", text)
}

// link makes an address complete, to be sent to somebody.
func (s *Server) link(path string) string { return s.public.URL + path }

// routesHealth says that the process serves and its database answers and can be written.
func (s *Server) routesHealth() []Route {
	return []Route{{Method: http.MethodGet, Path: "/healthz", Allow: public, Handle: s.health}}
}

func (s *Server) health(c *gin.Context) error {
	ctx, cancel := context.WithTimeout(c.Request.Context(), 5*time.Second)
	defer cancel()
	if err := s.store.CheckWritable(ctx); err != nil {
		return err
	}
	c.String(http.StatusOK, "ok\n")
	return nil
}
