package labeler

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"agora/db"

	"github.com/gin-gonic/gin"
)

// contentPolicy lets a page load what this server holds, and nothing inline.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; " +
	"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// crossOrigin refuses what another site makes a browser send here.
func (s *Server) crossOrigin(next http.Handler) http.Handler {
	p := http.NewCrossOriginProtection()
	if s.public.URL != "" {
		if err := p.AddTrustedOrigin(s.public.URL); err != nil { // behind a proxy the Host header may differ
			s.log.Warn("public address", "error", err)
		}
	}
	p.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "This request came from another site. Open agora directly and try again.", http.StatusForbidden)
	}))
	return p.Handler(next)
}

// headers sets what every page carries.
func (s *Server) headers(c *gin.Context) {
	securityHeaders(c.Writer.Header(), s.public.Secure)
	c.Header("Cache-Control", "no-store") // pages hold people's work
	c.Next()
}

// staticHeaders is headers for the embedded files, which may be cached.
func (s *Server) staticHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		securityHeaders(w.Header(), s.public.Secure)
		next.ServeHTTP(w, r)
	})
}

func securityHeaders(h http.Header, secure bool) {
	h.Set("Content-Security-Policy", contentPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin") // invite links must not travel
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
	if secure {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

// logged writes one line a request: the route's pattern, never the address
// itself, which may hold a secret link.
func (s *Server) logged(c *gin.Context) {
	start := time.Now()
	c.Next()
	s.log.Debug("request", "method", c.Request.Method, "route", c.FullPath(), "status", c.Writer.Status(),
		"ms", time.Since(start).Milliseconds(), "bytes", c.Writer.Size(), "user", user(c).ID)
}

// recovered keeps one request's panic from ending the site.
func (s *Server) recovered(c *gin.Context) {
	defer func() {
		if p := recover(); p != nil {
			if p == http.ErrAbortHandler {
				panic(p)
			}
			s.fail(c, fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
		}
	}()
	c.Next()
}

// knownHost refuses names that do not belong to the site, so that a foreign
// name pointed at this address (DNS rebinding) reaches nothing.
func (s *Server) knownHost(c *gin.Context) {
	host := c.Request.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	if len(s.public.Hosts) > 0 && !slices.Contains(s.public.Hosts, host) {
		s.fail(c, errHost)
		return
	}
	c.Next()
}

// limitBody cuts a request off that is larger than its route takes.
func (s *Server) limitBody(max int64) gin.HandlerFunc {
	if max == 0 {
		max = defaultBody
	}
	return func(c *gin.Context) {
		c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, max)
		c.Next()
	}
}

// authorize lets only the route's roles pass. Who is not signed in is sent to
// do so and comes back after; a form is not sent on, because its content would
// be lost.
func (s *Server) authorize(a Access) gin.HandlerFunc {
	return func(c *gin.Context) {
		u, err := s.signedIn(c)
		switch {
		case err != nil:
			s.fail(c, err)
		case u.ID != 0 && !a.public && s.needsTOTP(u) && !strings.HasPrefix(c.FullPath(), secondFactor):
			setUser(c, u)
			s.toSecondFactor(c)
		case a.allows(u.Role):
			setUser(c, u)
			c.Next()
		case u.ID != 0:
			setUser(c, u)
			s.fail(c, errForbidden)
		case c.Request.Method == http.MethodGet && !wantsJSON(c):
			c.Abort()
			_ = seeOther(c, "/signin?next="+urlQuery(c.Request.URL.RequestURI())) // cannot fail
		default:
			s.fail(c, errSignedOut)
		}
	}
}

// toSecondFactor leads whoever must set one up to where that is done.
func (s *Server) toSecondFactor(c *gin.Context) {
	if c.Request.Method != http.MethodGet || wantsJSON(c) {
		s.fail(c, errNoFactor)
		return
	}
	c.Abort()
	_ = seeOther(c, secondFactor) // cannot fail
}

const userKey = "agora.user"

func setUser(c *gin.Context, u db.User) {
	c.Set(userKey, u)
	speak(c)
}

// user is who made the request; ID 0 when nobody signed in.
func user(c *gin.Context) db.User {
	u, _ := c.Value(userKey).(db.User)
	return u
}

// clientAddress is the visitor's address: the connection's, or what a trusted
// proxy says in the last entry of X-Forwarded-For that is not itself a proxy.
func (s *Server) clientAddress(r *http.Request) netip.Addr {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	addr := ap.Addr().Unmap()
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && s.isProxy(addr); i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		addr = hop.Unmap()
	}
	return addr
}

func (s *Server) isProxy(a netip.Addr) bool {
	return slices.ContainsFunc(s.public.Proxies, func(p netip.Prefix) bool { return p.Contains(a) })
}
