package labeler

import (
	"context"
	"crypto/rand"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"

	"agora/db"
	"agora/views"

	"github.com/gin-gonic/gin"
)

// Errors of the site itself.
var (
	errSignedOut = errors.New("please sign in")
	errForbidden = errors.New("your role does not include this page")
	errMethod    = errors.New("this address does not take this kind of request")
	errTooMany   = errors.New("too many attempts; please wait a minute and try again")
	errHost      = errors.New("this site does not answer under this name")
	errNoFactor  = errors.New("set your second factor up first")
)

// kind is what people read about an error.
type kind struct {
	status int
	name   string           // of its words in the catalogue: fail.NAME and fail.NAME.text
	fault  *db.InvalidError // said instead of fail.NAME.text
}

// ours is the name of what is ours to fix and no reader's business.
const ours = "ours"

// kinds maps the errors that are nobody's fault, or the visitor's, to words.
var kinds = []struct {
	err error
	kind
}{
	{errSignedOut, kind{status: http.StatusUnauthorized, name: "signedout"}},
	{errForbidden, kind{status: http.StatusForbidden, name: "forbidden"}},
	{errMethod, kind{status: http.StatusMethodNotAllowed, name: "method"}},
	{errTooMany, kind{status: http.StatusTooManyRequests, name: "toomany"}},
	{errHost, kind{status: http.StatusMisdirectedRequest, name: "host"}},
	{errNoFactor, kind{status: http.StatusForbidden, name: "nofactor"}},
	{db.ErrNotReady, kind{status: http.StatusConflict, name: "notready"}},
	{db.ErrCodeUsed, kind{status: http.StatusConflict, name: "codeused"}},
	{db.ErrNotFound, kind{status: http.StatusNotFound, name: "notfound"}},
	{db.ErrNoTask, kind{status: http.StatusNotFound, name: "notask"}},
	{db.ErrLeaseLost, kind{status: http.StatusConflict, name: "leaselost"}},
	{db.ErrTooLate, kind{status: http.StatusConflict, name: "toolate"}},
	{db.ErrPlaceGone, kind{status: http.StatusConflict, name: "placegone"}},
	{db.ErrLinkUsed, kind{status: http.StatusGone, name: "linkused"}},
	{db.ErrLinkOver, kind{status: http.StatusGone, name: "linkover"}},
	{db.ErrNameTaken, kind{status: http.StatusConflict, name: "nametaken"}},
	{db.ErrImportedTwice, kind{status: http.StatusConflict, name: "twice"}},
	{db.ErrFull, kind{status: http.StatusInsufficientStorage, name: "full"}},
	{db.ErrLocked, kind{status: http.StatusServiceUnavailable, name: "locked"}},
	{db.ErrUnreachable, kind{status: http.StatusServiceUnavailable, name: "away"}},
	{db.ErrReadOnly, kind{status: http.StatusServiceUnavailable, name: "readonly"}},
}

// explain chooses status and words for an error.
func explain(err error) kind {
	var invalid *db.InvalidError
	var tooBig *http.MaxBytesError
	switch {
	case errors.As(err, &invalid):
		return kind{http.StatusUnprocessableEntity, "check", invalid}
	case errors.As(err, &tooBig):
		return kind{status: http.StatusRequestEntityTooLarge, name: "toolarge"}
	case errors.Is(err, context.Canceled):
		return kind{status: 499, name: "cancelled"}
	}
	for _, k := range kinds {
		if errors.Is(err, k.err) {
			return k.kind
		}
	}
	return kind{status: http.StatusInternalServerError, name: ours}
}

// fail is the one place where an error becomes a status and a kind sentence.
// What is ours to fix goes to the log under a reference, and nothing of it to
// the browser.
func (s *Server) fail(c *gin.Context, err error) {
	c.Abort()
	k := explain(err)
	if k.status >= 500 {
		ref := strings.ToLower(rand.Text()[:8])
		s.log.Error("request failed", "reference", ref, "method", c.Request.Method, "route", c.FullPath(), "error", err)
		s.failure(c, k, ref)
		return
	}
	s.failure(c, k, "")
}

// failure writes the page, or one JSON line for scripts.
func (s *Server) failure(c *gin.Context, k kind, ref string) {
	if c.Writer.Written() {
		return // too late to say anything
	}
	title, text := say(c, "fail."+k.name), ""
	if k.fault != nil {
		text = sayFault(c.Request.Context(), k.fault)
	} else {
		text = say(c, "fail."+k.name+".text")
	}
	if wantsJSON(c) {
		c.JSON(k.status, gin.H{"error": title, "text": text, "reference": ref})
		return
	}
	page := views.Failure{Status: k.status, Title: title, Text: text, Reference: ref, Links: []views.Link{{Label: say(c, "fail.start"), Href: "/"}}}
	if k.status == http.StatusUnauthorized {
		page.Links = []views.Link{{Label: say(c, "signin.title"), Href: "/signin"}}
	}
	page.Again = resend(c, k.status)
	u := user(c)
	f := views.Frame{Title: title, Path: c.Request.URL.Path, User: views.Person{Name: u.Name, Role: string(u.Role)}}
	if err := render(c, k.status, views.FailurePage(f, page)); err != nil {
		s.log.Error("failure page", "error", err)
	}
}

// resend keeps what a form held that nobody is to blame for: the session ended, or nothing could be
// saved just now. Files and passwords are not sent back.
func resend(c *gin.Context, status int) *views.Resend {
	switch status {
	case http.StatusUnauthorized, http.StatusServiceUnavailable, http.StatusInsufficientStorage:
	default:
		return nil
	}
	if c.Request.Method != http.MethodPost || c.Request.ParseForm() != nil || len(c.Request.PostForm) == 0 {
		return nil
	}
	r := &views.Resend{Action: c.Request.URL.RequestURI(), SignIn: status == http.StatusUnauthorized}
	for _, name := range slices.Sorted(maps.Keys(c.Request.PostForm)) {
		if strings.Contains(name, "password") || strings.Contains(name, "code") {
			return nil
		}
		for _, value := range c.Request.PostForm[name] {
			r.Fields = append(r.Fields, views.Row{Name: name, Value: value})
		}
	}
	return r
}

// wantsJSON tells a script's request from a browser's navigation.
func wantsJSON(c *gin.Context) bool {
	return strings.HasPrefix(c.GetHeader("Accept"), "application/json")
}
