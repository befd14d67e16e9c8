package labeler

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"agora/db"
	"agora/views"

	"github.com/gin-gonic/gin"
)

const auditPageRows = 100

// routesAudit serves the log of who changed what: all of it to admins, a project's to its leads.
func (s *Server) routesAudit() []Route {
	return []Route{
		{Method: http.MethodGet, Path: "/audit", Allow: admins, Handle: s.auditSite},
		{Method: http.MethodGet, Path: "/audit.csv", Allow: admins, Handle: s.auditSiteCSV},
		{Method: http.MethodGet, Path: "/projects/:project/audit", Allow: researchers, Handle: s.auditProject},
		{Method: http.MethodGet, Path: "/projects/:project/audit.csv", Allow: researchers, Handle: s.auditProjectCSV},
	}
}

func (s *Server) auditSite(c *gin.Context) error {
	f := s.frame(c, say(c, "audit.title"))
	return s.auditPage(c, f, "/audit", 0)
}

func (s *Server) auditProject(c *gin.Context) error {
	p, err := s.project(c)
	if err != nil {
		return err
	}
	f := s.frame(c, say(c, "audit.title"))
	f.Crumbs = projectCrumbs(c, p, f.Title)
	return s.auditPage(c, f, projectPath(p)+"/audit", p.ID)
}

func (s *Server) auditSiteCSV(c *gin.Context) error { return s.auditCSV(c, 0, "agora") }

func (s *Server) auditProjectCSV(c *gin.Context) error {
	p, err := s.project(c)
	if err != nil {
		return err
	}
	return s.auditCSV(c, p.ID, p.Name)
}

// auditFilter reads the filter of the address.
func auditFilter(c *gin.Context, project int64) (db.AuditFilter, error) {
	f := db.AuditFilter{ProjectID: project, Action: c.Query("action"), Object: strings.TrimSpace(c.Query("object")), AnyUser: c.Query("who") == ""}
	f.UserID, _ = strconv.ParseInt(c.Query("who"), 10, 64) // nonsense is the command line
	f.Before, _ = strconv.ParseInt(c.Query("before"), 10, 64)
	f.After, _ = strconv.ParseInt(c.Query("after"), 10, 64)
	var err error
	f.From, f.To, err = days(c.Query("from"), c.Query("to"))
	return f, err
}

func (s *Server) auditPage(c *gin.Context, f views.Frame, base string, project int64) error {
	ctx := c.Request.Context()
	filter, err := auditFilter(c, project)
	if err != nil {
		return err
	}
	lines, err := s.store.AuditLines(ctx, filter, auditPageRows+1)
	if err != nil {
		return err
	}
	actions, err := s.store.AuditActions(ctx, project)
	if err != nil {
		return err
	}
	people, err := s.namesOf(ctx)
	if err != nil {
		return err
	}
	q := c.Request.URL.Query()
	v := views.AuditLog{Base: base, Export: base + ".csv?" + q.Encode(), Site: project == 0, Who: q.Get("who"), Action: q.Get("action"), From: q.Get("from"), To: q.Get("to"), Object: q.Get("object"),
		People: []views.Choice{{Label: say(c, "audit.everybody")}}, Actions: []views.Choice{{Label: say(c, "audit.everything")}}}
	for _, id := range sortedByName(people) {
		v.People = append(v.People, views.Choice{Value: strconv.FormatInt(id, 10), Label: people[id]})
	}
	for _, a := range actions {
		v.Actions = append(v.Actions, views.Choice{Value: a, Label: actionName(ctx, a)})
	}
	more := len(lines) > auditPageRows
	switch {
	case more && filter.After != 0:
		lines = lines[len(lines)-auditPageRows:]
	case more:
		lines = lines[:auditPageRows]
	}
	cursor := func(name string, id int64) string {
		q := c.Request.URL.Query()
		q.Del("before")
		q.Del("after")
		q.Set(name, strconv.FormatInt(id, 10))
		return base + "?" + q.Encode()
	}
	if len(lines) > 0 && (filter.Before != 0 || filter.After != 0 && more) {
		v.Newer = cursor("after", lines[0].ID)
	}
	if len(lines) > 0 && (filter.After != 0 || more) {
		v.Older = cursor("before", lines[len(lines)-1].ID)
	}
	for _, l := range lines {
		v.Lines = append(v.Lines, auditLine(ctx, l, people))
	}
	return render(c, http.StatusOK, views.AuditPage(f, v))
}

// sortedByName lists people by name, the command line first.
func sortedByName(people map[int64]string) []int64 {
	var ids []int64
	for id := range people {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b int64) int {
		if a == 0 || b == 0 {
			return boolOrder(a != 0) - boolOrder(b != 0)
		}
		return strings.Compare(people[a], people[b])
	})
	return ids
}

// actionName is an action in words, or as it is stored where nobody named it.
func actionName(ctx context.Context, action string) string {
	if text := views.T(ctx, "act."+action); text != "act."+action {
		return text
	}
	return action
}

func auditLine(ctx context.Context, l db.Audit, people map[int64]string) views.AuditLine {
	v := views.AuditLine{When: l.At.Time(), Who: people[l.UserID], Object: l.Object, Code: l.Action, What: actionName(ctx, l.Action), Href: auditHref(l)}
	if v.Who == "" {
		v.Who = views.T(ctx, "review.somebody")
	}
	if v.What == v.Code {
		v.Code = ""
	}
	var pretty bytes.Buffer
	if l.Detail != "{}" && json.Indent(&pretty, []byte(l.Detail), "", "  ") == nil {
		v.Detail = pretty.String()
	}
	return v
}

// auditHref is where the object of a line can be looked at.
func auditHref(l db.Audit) string {
	kind, id, _ := strings.Cut(l.Object, ":")
	switch kind {
	case "project":
		return "/projects/" + id
	case "run":
		return "/runs/" + id
	case "item":
		return fmt.Sprintf("/projects/%d/review/items/%s", l.ProjectID, id)
	case "answer":
		var detail struct{ Item int64 }
		if json.Unmarshal([]byte(l.Detail), &detail) == nil && detail.Item != 0 {
			return fmt.Sprintf("/projects/%d/review/items/%d?a=%s", l.ProjectID, detail.Item, id)
		}
	case "artefact":
		return fmt.Sprintf("/projects/%d/artefacts#artefact-%s", l.ProjectID, id)
	}
	return ""
}

// auditCSV sends every line that the filter chooses. The file is complete before its first byte is sent.
func (s *Server) auditCSV(c *gin.Context, project int64, name string) error {
	ctx := c.Request.Context()
	filter, err := auditFilter(c, project)
	if err != nil {
		return err
	}
	filter.Before, filter.After = 0, 0
	people, err := s.namesOf(ctx)
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp("", "agora-audit-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	defer tmp.Close()
	w := csv.NewWriter(tmp)
	_ = w.Write([]string{"id", "at", "user_id", "user", "action", "object", "project_id", "detail"}) // kept for Error
	err = s.store.EachAudit(ctx, filter, func(l db.Audit) error {
		return w.Write([]string{strconv.FormatInt(l.ID, 10), l.At.Time().Format(time.RFC3339Nano), strconv.FormatInt(l.UserID, 10), csvText(people[l.UserID]),
			l.Action, l.Object, strconv.FormatInt(l.ProjectID, 10), csvText(l.Detail)})
	})
	if err != nil {
		return err
	}
	w.Flush()
	if err := w.Error(); err != nil {
		return err
	}
	return sendFile(c, name+"-audit.csv", "text/csv; charset=utf-8", tmp)
}

// csvText keeps a spreadsheet from taking a text for a formula.
func csvText(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}
