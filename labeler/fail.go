package labeler

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
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
)

// kind is what people read about an error. An empty title means: ours to fix.
type kind struct {
	status      int
	title, text string
}

// kinds maps the errors that are nobody's fault, or the visitor's, to words.
var kinds = []struct {
	err error
	kind
}{
	{errSignedOut, kind{http.StatusUnauthorized, "Please sign in", "You are signed out. Sign in in another tab, come back to this page and send it again: nothing you wrote is lost while this page stays open."}},
	{errForbidden, kind{http.StatusForbidden, "Not for your role", "Your role does not include this page. If you need it, ask an admin."}},
	{errMethod, kind{http.StatusMethodNotAllowed, "Not possible here", "This address does not take this kind of request."}},
	{errTooMany, kind{http.StatusTooManyRequests, "Too many attempts", "Please wait a minute, then try again."}},
	{errHost, kind{http.StatusMisdirectedRequest, "Unknown name", "This site does not answer under this name. Use the address that was printed when it started."}},
	{db.ErrNotFound, kind{http.StatusNotFound, "Nothing here", "This page does not exist, or it is not yours."}},
	{db.ErrNoTask, kind{http.StatusNotFound, "All done", "There is no task left for you here at the moment."}},
	{db.ErrLeaseLost, kind{http.StatusConflict, "Given to somebody else", "You had this task for a long time, and it was given to somebody else. Your work is kept as a draft."}},
	{db.ErrTooLate, kind{http.StatusConflict, "Too late to change", "The time to change this answer is over."}},
	{db.ErrLinkUsed, kind{http.StatusGone, "Link already used", "This link works once, and it was used. Ask for a new one."}},
	{db.ErrLinkOver, kind{http.StatusGone, "Link no longer valid", "This link is too old or was taken back. Ask for a new one."}},
	{db.ErrNameTaken, kind{http.StatusConflict, "Name taken", "Somebody has this name already. Choose another one."}},
	{db.ErrImportedTwice, kind{http.StatusConflict, "Already here", "This file was imported into this project before. Nothing was changed."}},
	{db.ErrFull, kind{http.StatusInsufficientStorage, "The disk is full", "Nothing was saved. Please tell whoever runs this site, and keep this page open: you can send it again."}},
	{db.ErrLocked, kind{http.StatusServiceUnavailable, "Busy", "Nothing was saved, because another program holds the database. Please send this again in a moment."}},
	{db.ErrReadOnly, kind{http.StatusServiceUnavailable, "Cannot save", "Nothing was saved, because the database cannot be written. Please tell whoever runs this site."}},
}

// explain chooses status and words for an error.
func explain(err error) kind {
	var invalid *db.InvalidError
	var tooBig *http.MaxBytesError
	switch {
	case errors.As(err, &invalid):
		return kind{http.StatusUnprocessableEntity, "Please check", invalid.Error()}
	case errors.As(err, &tooBig):
		return kind{http.StatusRequestEntityTooLarge, "Too large", "This is more than the page takes at once."}
	case errors.Is(err, context.Canceled):
		return kind{499, "Cancelled", "The request was cancelled."}
	}
	for _, k := range kinds {
		if errors.Is(err, k.err) {
			return k.kind
		}
	}
	return kind{http.StatusInternalServerError, "", ""}
}

// fail is the one place where an error becomes a status and a kind sentence.
// What is ours to fix goes to the log under a reference, and nothing of it to
// the browser.
func (s *Server) fail(c *gin.Context, err error) {
	c.Abort()
	k := explain(err)
	if k.status >= 500 || k.title == "" {
		ref := strings.ToLower(rand.Text()[:8])
		s.log.Error("request failed", "reference", ref, "method", c.Request.Method, "route", c.FullPath(), "error", err)
		if k.title == "" {
			k.title, k.text = "Something went wrong", "That is not your fault. It was noted for whoever runs this site."
		}
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
	if wantsJSON(c) {
		c.JSON(k.status, gin.H{"error": k.title, "text": k.text, "reference": ref})
		return
	}
	page := views.Failure{Status: k.status, Title: k.title, Text: k.text, Reference: ref, Links: []views.Link{{Label: "Start page", Href: "/"}}}
	if k.status == http.StatusUnauthorized {
		page.Links = []views.Link{{Label: "Sign in", Href: "/signin"}}
	}
	u := user(c)
	f := views.Frame{Title: k.title, Path: c.Request.URL.Path, User: views.Person{Name: u.Name, Role: string(u.Role)}}
	if err := render(c, k.status, views.FailurePage(f, page)); err != nil {
		s.log.Error("failure page", "error", err)
	}
}

// wantsJSON tells a script's request from a browser's navigation.
func wantsJSON(c *gin.Context) bool {
	return strings.HasPrefix(c.GetHeader("Accept"), "application/json")
}
