package labeler

import (
	"fmt"
	"slices"

	"agora/db"

	"github.com/gin-gonic/gin"
)

// Handler serves one request. What it returns as an error becomes a status and
// a kind sentence in Server.fail, the only place that does so; a handler that
// returns an error has written nothing.
type Handler func(c *gin.Context) error

// Route is one row of the site's table of addresses.
type Route struct {
	Method, Path string
	Allow        Access
	Handle       Handler
	MaxBody      int64 // bytes of the request, 0: defaultBody
}

// Access says who may use a route. The zero value lets nobody in, so that a
// forgotten one shows.
type Access struct {
	public bool
	roles  []db.Role
}

// The kinds of access. Each role may do what the ones before it may.
var (
	public      = Access{public: true}        // also without signing in
	labelers    = Access{roles: db.Roles}     // everybody who signed in
	reviewers   = Access{roles: db.Roles[1:]} // who reads other people's answers
	researchers = Access{roles: db.Roles[2:]} // who runs projects and trainings
	admins      = Access{roles: db.Roles[3:]} // who manages people
)

// allows tells whether a role may pass.
func (a Access) allows(r db.Role) bool { return a.public || slices.Contains(a.roles, r) }

// Request body limits in bytes.
const (
	defaultBody = 1 << 20
	uploadBody  = 512 << 20
)

// routes is the whole table: every address of the site and who may use it.
// Each file that serves pages lists its own.
func (s *Server) routes() []Route {
	return slices.Concat(
		s.routesAuth(),
		s.routesSignInCode(),
		s.routesLanguage(),
		s.routesHealth(),
		s.routesSite(),
	)
}

// mount builds the gin engine from the table and from nothing else.
func (s *Server) mount(routes []Route) (*gin.Engine, error) {
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	if err := e.SetTrustedProxies(nil); err != nil { // addresses come from proxyAddress
		return nil, err
	}
	e.HandleMethodNotAllowed = true
	e.Use(s.logged, s.recovered, s.headers, speak, s.knownHost)
	e.NoRoute(s.wrap(func(*gin.Context) error { return db.ErrNotFound }))
	e.NoMethod(s.wrap(func(*gin.Context) error { return errMethod }))
	for _, r := range routes {
		if !r.Allow.public && len(r.Allow.roles) == 0 {
			return nil, fmt.Errorf("route %s %s lets nobody in", r.Method, r.Path)
		}
		e.Handle(r.Method, r.Path, s.limitBody(r.MaxBody), s.authorize(r.Allow), s.wrap(r.Handle))
	}
	return e, nil
}
