package labeler

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"
)

const (
	lookEvery = time.Second      // for something new
	keepEvery = 15 * time.Second // a line that keeps proxies from closing the stream, and a look at the account
)

// routesEvents serves the live pages' event streams, one for each open tab.
func (s *Server) routesEvents() []Route {
	return []Route{{Method: http.MethodGet, Path: "/runs/:run/events", Allow: reviewers, Handle: s.runEvents}}
}

// look tells the state of something that changes: a version that differs when there is something
// new, how to draw it, and whether more may come.
type look func(ctx context.Context) (version string, draw func() (templ.Component, error), more bool, err error)

// stream sends the live part of a page as HTML whenever its version changes, until nothing more
// can come, the browser leaves, or the server stops.
func (s *Server) stream(c *gin.Context, l look) error {
	ctx := c.Request.Context()
	version, draw, more, err := l(ctx)
	if err != nil {
		return err // nothing is written yet: an ordinary error page
	}
	c.Header("Content-Type", "text/event-stream")
	c.Header("X-Accel-Buffering", "no") // nginx would hold events back
	c.Status(http.StatusOK)
	sent, kept := "", time.Now()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		if version != sent {
			if err := s.sendPage(c, draw); err != nil {
				return nil // the browser left
			}
			sent = version
		}
		if !more {
			_ = s.sendEvent(c, "end", nil)
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.closing:
			return nil
		case <-tick.C:
		}
		if time.Since(kept) > keepEvery {
			kept = time.Now()
			if u, err := s.signedIn(c); err != nil || u.ID != user(c).ID || s.sendComment(c) != nil {
				return nil // signed out, locked out, or gone
			}
		}
		if version, draw, more, err = l(ctx); err != nil {
			s.log.Warn("live page", "route", c.FullPath(), "error", err)
			return nil // the browser connects again by itself
		}
	}
}

func (s *Server) sendPage(c *gin.Context, draw func() (templ.Component, error)) error {
	part, err := draw()
	if err != nil {
		return err
	}
	var html bytes.Buffer
	if err := part.Render(c.Request.Context(), &html); err != nil {
		return err
	}
	return s.sendEvent(c, "page", html.Bytes())
}

// sendEvent writes one server-sent event; each line of the data has its own field.
func (s *Server) sendEvent(c *gin.Context, name string, data []byte) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "event: %s\n", name)
	for line := range bytes.Lines(data) {
		fmt.Fprintf(&b, "data: %s\n", bytes.TrimRight(line, "\r\n"))
	}
	if len(data) == 0 {
		b.WriteString("data:\n")
	}
	b.WriteString("\n")
	return s.flush(c, b.Bytes())
}

func (s *Server) sendComment(c *gin.Context) error { return s.flush(c, []byte(": still here\n\n")) }

func (s *Server) flush(c *gin.Context, b []byte) error {
	if _, err := c.Writer.Write(b); err != nil {
		return err
	}
	return http.NewResponseController(c.Writer).Flush()
}
