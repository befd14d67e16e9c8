package labeler

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"agora/db"
	"agora/views"

	"github.com/gin-gonic/gin"
)

// routesKeys serves the items whose answer the researchers know.
func (s *Server) routesKeys() []Route {
	return []Route{
		{Method: http.MethodGet, Path: "/projects/:project/people/keys", Allow: researchers, Handle: s.keys},
		{Method: http.MethodGet, Path: "/projects/:project/people/keys/:item", Allow: researchers, Handle: s.key},
		{Method: http.MethodPost, Path: "/projects/:project/people/keys/:item", Allow: researchers, Handle: s.saveKey},
		{Method: http.MethodPost, Path: "/projects/:project/people/keys/:item/answer", Allow: researchers, Handle: s.answerKey},
	}
}

func keysPath(p db.Project) string { return peoplePath(p) + "/keys" }

func keyPath(p db.Project, itemID int64) string { return fmt.Sprintf("%s/%d", keysPath(p), itemID) }

// keys lists them, and finds an item by number or prompt id.
func (s *Server) keys(c *gin.Context) error {
	ctx := c.Request.Context()
	p, err := s.project(c)
	if err != nil {
		return err
	}
	v := views.Keys{Base: keysPath(p), Find: strings.TrimSpace(c.Query("find"))}
	status := http.StatusOK
	if v.Find != "" {
		item, err := s.store.FindItem(ctx, p.ID, v.Find)
		if err == nil {
			return seeOther(c, keyPath(p, item))
		}
		if !errors.Is(err, db.ErrNotFound) {
			return err
		}
		v.Error, status = say(c, "known.find.none"), http.StatusNotFound
	}
	items, err := s.store.KeyItems(ctx, p.ID, user(c).ID)
	if err != nil {
		return err
	}
	for _, it := range items {
		key, err := it.ParseSolution()
		if err != nil {
			return err
		}
		v.Items = append(v.Items, views.KeyRow{Href: keyPath(p, it.ID), Prompt: promptStart(it.Prompt), Purpose: it.Purpose, Kind: it.Kind,
			HasKey: !key.Empty(), HasReason: key.Explanation != "", Answers: int(it.Answers)})
	}
	f := s.frame(c, say(c, "known.title"))
	f.Crumbs = peopleCrumbs(c, p, f.Title)
	return render(c, status, views.KeysPage(f, v))
}

// peopleCrumbs leads over the project and its people to a page.
func peopleCrumbs(c *gin.Context, p db.Project, page string) []views.Crumb {
	crumbs := projectCrumbs(c, p, page)
	return slices.Insert(crumbs, len(crumbs)-1, views.Crumb{Label: say(c, "people.title"), Href: peoplePath(p)})
}

func (s *Server) key(c *gin.Context) error {
	p, d, err := s.keyItem(c)
	if err != nil {
		return err
	}
	return s.keyPage(c, http.StatusOK, p, d, nil)
}

// keyItem loads the item of the address.
func (s *Server) keyItem(c *gin.Context) (db.Project, db.ItemDetail, error) {
	p, err := s.project(c)
	if err != nil {
		return p, db.ItemDetail{}, err
	}
	item, err := id(c, "item")
	if err != nil {
		return p, db.ItemDetail{}, err
	}
	d, err := s.store.ItemDetail(c.Request.Context(), p.ID, item)
	return p, d, err
}

func (s *Server) keyPage(c *gin.Context, status int, p db.Project, d db.ItemDetail, add func(*views.KeyForm)) error {
	ctx := c.Request.Context()
	key, err := d.Item.ParseSolution()
	if err != nil {
		return err
	}
	item, err := itemView(ctx, d)
	if err != nil {
		return err
	}
	v := views.KeyForm{Action: keyPath(p, d.Item.ID), Open: keyPath(p, d.Item.ID) + "/answer", Turns: item.Turns, Texts: item.Texts,
		Purpose: d.Item.Purpose, NeedsKey: d.Item.Kind == db.ItemRank, Explanation: key.Explanation}
	names := make([]string, len(d.Completions))
	for i, t := range d.Completions {
		names[i] = t.ExtID
	}
	if !key.Empty() {
		v.Key = outcome(ctx, keyAnswer(key), names)
	}
	for _, a := range d.Answers {
		if a.UserID == user(c).ID && a.State == db.AnswerActive {
			v.Own = outcome(ctx, a, names)
		}
	}
	if add != nil {
		add(&v)
	}
	f := s.frame(c, say(c, "key.title"))
	f.Crumbs = peopleCrumbs(c, p, item.PromptID)
	f.Crumbs = slices.Insert(f.Crumbs, len(f.Crumbs)-1, views.Crumb{Label: say(c, "known.title"), Href: keysPath(p)})
	return render(c, status, views.KeyPage(f, v))
}

// saveKey sets the purpose, the key and its reason.
func (s *Server) saveKey(c *gin.Context) error {
	p, d, err := s.keyItem(c)
	if err != nil {
		return err
	}
	purpose, explanation := c.PostForm("purpose"), strings.ReplaceAll(c.PostForm("explanation"), "\r\n", "\n")
	err = s.store.SetKey(c.Request.Context(), user(c).ID, p.ID, d.Item.ID, purpose, c.PostForm("own") == "true", explanation)
	var invalid *db.InvalidError
	if errors.As(err, &invalid) {
		return s.keyPage(c, http.StatusUnprocessableEntity, p, d, func(v *views.KeyForm) {
			v.Purpose, v.Explanation, v.Error = purpose, explanation, said(c, invalid)
		})
	}
	if err != nil {
		return err
	}
	s.notice(c, say(c, "key.saved"))
	return seeOther(c, keysPath(p))
}

// answerKey opens the item for the lead to answer; the task page does the rest.
func (s *Server) answerKey(c *gin.Context) error {
	p, err := s.project(c)
	if err != nil {
		return err
	}
	item, err := id(c, "item")
	if err != nil {
		return err
	}
	t, err := s.store.OpenItem(c.Request.Context(), p.ID, item, user(c).ID)
	if err != nil {
		return err
	}
	s.sessions.Put(c.Request.Context(), answeringKey, t.Lease.ID)
	return seeOther(c, "/tasks/"+t.Lease.ID)
}

// answeringKey remembers the task that a lead answers for its key, to bring
// them back to the key's page afterwards.
const answeringKey = "answering-key"

// afterKey is the key's page when a lead just answered an item for it, else empty.
func (s *Server) afterKey(c *gin.Context, p db.Project, a db.Answer) string {
	if s.sessions.GetString(c.Request.Context(), answeringKey) != a.LeaseID || a.LeaseID == "" {
		return ""
	}
	s.sessions.Remove(c.Request.Context(), answeringKey)
	return keyPath(p, a.ItemID)
}
