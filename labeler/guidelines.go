package labeler

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"agora/db"
	"agora/views"

	"github.com/gin-gonic/gin"
	"golang.org/x/text/language"
)

// routesGuidelines serves a project's guidelines to those who work in it, and
// their text, languages and history to those who write them.
func (s *Server) routesGuidelines() []Route {
	return []Route{
		{Method: http.MethodGet, Path: "/guidelines/:project", Allow: labelers, Handle: s.guidelines},
		{Method: http.MethodPost, Path: "/guidelines/:project/read", Allow: labelers, Handle: s.confirmGuidelines},
		{Method: http.MethodGet, Path: "/projects/:project/guidelines", Allow: researchers, Handle: s.editGuidelines},
		{Method: http.MethodPost, Path: "/projects/:project/guidelines", Allow: researchers, Handle: s.saveGuidelines},
		{Method: http.MethodPost, Path: "/projects/:project/guidelines/language", Allow: researchers, Handle: s.saveOwnLanguage},
	}
}

// guidelinesOf is where a project's guidelines can be read, or nothing when it has none.
func guidelinesOf(p db.Project) string {
	if p.Instructions == "" {
		return ""
	}
	return fmt.Sprintf("/guidelines/%d", p.ID)
}

// guidelinesView is a text for its reader.
func guidelinesView(ctx context.Context, g db.Guidelines) views.GuidelinesText {
	v := views.GuidelinesText{Number: g.Version, Text: g.Text, Lang: g.Lang, Outdated: g.Outdated}
	if g.Version > 0 {
		v.Name = g.Name()
	}
	if g.Wanted != "" && g.Text != "" {
		v.Wanted = views.LanguageName(ctx, g.Wanted)
	}
	return v
}

// guidelines shows a project's guidelines to those who work in it, and what
// changed since they last read them.
func (s *Server) guidelines(c *gin.Context) error {
	ctx := c.Request.Context()
	project, err := id(c, "project")
	if err != nil {
		return err
	}
	if err := s.mayRead(c, project); err != nil {
		return err
	}
	p, err := s.store.Project(ctx, project)
	if err != nil {
		return err
	}
	g, err := s.store.GuidelinesFor(ctx, project, user(c).ID, s.wantedLanguages(c)...)
	if err != nil {
		return err
	}
	v := views.GuidelinesView{Project: p.Title, Text: guidelinesView(ctx, g), Unread: g.Unread,
		Confirm: fmt.Sprintf("/guidelines/%d/read", p.ID), Questions: fmt.Sprintf("/questions/%d", p.ID)}
	if g.Unread {
		if err := s.fillChange(ctx, &v, g, user(c).ID); err != nil {
			return err
		}
	}
	if v.New, err = s.store.UnreadThreads(ctx, project, user(c).ID, researchers.allows(user(c).Role)); err != nil {
		return err
	}
	f := s.frame(c, say(c, "guidelines.title", p.Title))
	f.Reading = true
	return render(c, http.StatusOK, views.GuidelinesPage(f, v))
}

// fillChange compares a text with the version that its reader knew.
func (s *Server) fillChange(ctx context.Context, v *views.GuidelinesView, g db.Guidelines, userID int64) error {
	mine, err := s.store.MyProject(ctx, g.ProjectID, userID)
	if err != nil {
		return err
	}
	texts, err := s.store.GuidelineTexts(ctx, g.ProjectID)
	if err != nil {
		return err
	}
	for _, t := range texts { // newest first
		knew := t.Version <= mine.Read || mine.Read == 0 && t.Created <= mine.Member.Joined
		if t.Lang == g.GuidelineText.Lang && t.Version < g.Version && knew && t.Text != "" {
			v.Change, v.ChangeOf = views.DiffLines(t.Text, g.Text), t.Name()
			return nil
		}
	}
	return nil
}

// confirmGuidelines notes that a labeler has read a version.
func (s *Server) confirmGuidelines(c *gin.Context) error {
	project, err := id(c, "project")
	if err != nil {
		return err
	}
	version, _ := strconv.Atoi(c.PostForm("version"))
	if err := s.store.ReadGuidelines(c.Request.Context(), project, user(c).ID, version); err != nil {
		return err
	}
	return seeOther(c, "/tasks")
}

// editGuidelines shows one language of the guidelines with everything written before.
func (s *Server) editGuidelines(c *gin.Context) error {
	p, err := s.project(c)
	if err != nil {
		return err
	}
	return s.guidelinesEditor(c, http.StatusOK, p, c.Query("lang"), "", "")
}

// guidelinesEditor renders the editor; text and problem are those of a save that failed.
func (s *Server) guidelinesEditor(c *gin.Context, status int, p db.Project, lang, text, problem string) error {
	ctx := c.Request.Context()
	texts, err := s.store.GuidelineTexts(ctx, p.ID)
	if err != nil {
		return err
	}
	j, err := s.store.Joining(ctx, p.ID)
	if err != nil {
		return err
	}
	v := views.GuidelinesEdit{Base: projectPath(p) + "/guidelines", Own: views.LanguageName(ctx, j.Language), OwnTag: j.Language, Error: problem}
	if lang != "" {
		tag, err := language.Parse(strings.TrimSpace(lang))
		if err != nil {
			return db.Invalid("lang", "%.40q is not a language code such as es or pt-BR", lang)
		}
		if v.Lang = tag.String(); v.Lang == j.Language {
			v.Lang = ""
		}
	}
	fillLanguages(ctx, &v, texts, j.Language)
	at := slices.IndexFunc(texts, func(t db.GuidelineText) bool { return t.Lang == v.Lang })
	if at >= 0 {
		v.Text, v.Version = texts[at].Text, texts[at].Name()
	}
	if problem != "" {
		v.Text = text
	}
	names, err := s.userNames(ctx)
	if err != nil {
		return err
	}
	for i, t := range texts {
		if t.Text == "" && t.Version == 1 {
			continue // a project without guidelines
		}
		row := views.GuidelineRow{Name: t.Name(), Language: languageOf(ctx, t.Lang, j.Language), By: names[t.CreatedBy], When: t.Created.Time(),
			Href:    fmt.Sprintf("%s?lang=%s&show=%d#diff", v.Base, t.Lang, t.Version),
			Current: !slices.ContainsFunc(texts[:i], func(o db.GuidelineText) bool { return o.Lang == t.Lang })}
		if row.By == "" {
			row.By = say(c, "guidelines.nobody")
		}
		v.History = append(v.History, row)
	}
	fillDiff(&v, texts, c.Query("show"))
	f := s.frame(c, say(c, "guidelines.heading"))
	f.Crumbs = projectCrumbs(c, p, f.Title)
	return render(c, status, views.GuidelinesEditPage(f, v))
}

// languageOf names the language of a text.
func languageOf(ctx context.Context, lang, own string) string {
	if lang == "" {
		return views.T(ctx, "guidelines.own.name", views.LanguageName(ctx, own))
	}
	return views.LanguageName(ctx, lang)
}

// fillLanguages lists the languages that have a text, and the one being written.
func fillLanguages(ctx context.Context, v *views.GuidelinesEdit, texts []db.GuidelineText, own string) {
	langs := []string{""}
	version := map[string]int{}
	for _, t := range texts {
		if _, seen := version[t.Lang]; seen {
			continue
		}
		version[t.Lang] = t.Version
		if t.Lang != "" && t.Text != "" {
			langs = append(langs, t.Lang)
		}
	}
	if !slices.Contains(langs, v.Lang) {
		langs = append(langs, v.Lang)
	}
	for _, l := range langs {
		v.Languages = append(v.Languages, views.GuidelineLanguage{Tag: l, Name: languageOf(ctx, l, own), Href: v.Base + "?lang=" + l,
			Current: l == v.Lang, Outdated: l != "" && version[l] > 0 && version[l] < version[""]})
	}
}

// fillDiff shows what a version changed in its language.
func fillDiff(v *views.GuidelinesEdit, texts []db.GuidelineText, show string) {
	version, _ := strconv.Atoi(show) // nonsense shows nothing
	at := slices.IndexFunc(texts, func(t db.GuidelineText) bool { return t.Version == version && t.Lang == v.Lang })
	if at < 0 {
		return
	}
	v.DiffOf = texts[at].Name()
	before := ""
	for _, t := range texts[at+1:] {
		if t.Lang == v.Lang {
			before, v.DiffTo = t.Text, t.Name()
			break
		}
	}
	v.Diff = views.DiffLines(before, texts[at].Text)
}

// userNames are the names of accounts by id, for people who run projects.
func (s *Server) userNames(ctx context.Context) (map[int64]string, error) {
	people, err := s.store.Users(ctx)
	names := map[int64]string{}
	for _, u := range people {
		names[u.ID] = u.Name
	}
	return names, err
}

// saveGuidelines makes a new version of the guidelines in one language.
func (s *Server) saveGuidelines(c *gin.Context) error {
	p, err := s.project(c)
	if err != nil {
		return err
	}
	lang, text := c.PostForm("lang"), c.PostForm("instructions")
	changed, err := s.store.SetGuidelines(c.Request.Context(), user(c).ID, p.ID, lang, text)
	var invalid *db.InvalidError
	if errors.As(err, &invalid) {
		return s.guidelinesEditor(c, http.StatusUnprocessableEntity, p, lang, text, said(c, invalid))
	}
	if err != nil {
		return err
	}
	s.notice(c, say(c, "guidelines.saved", changed.GuidelineVersion()))
	return seeOther(c, projectPath(p)+"/guidelines?lang="+urlQuery(lang))
}

// saveOwnLanguage says which language the project's own text is in.
func (s *Server) saveOwnLanguage(c *gin.Context) error {
	p, err := s.project(c)
	if err != nil {
		return err
	}
	j, err := s.store.Joining(c.Request.Context(), p.ID)
	if err != nil {
		return err
	}
	j.Language = strings.TrimSpace(c.PostForm("own"))
	if err := s.store.SetJoining(c.Request.Context(), user(c).ID, j); err != nil {
		return err
	}
	s.notice(c, say(c, "guidelines.own.saved"))
	return seeOther(c, projectPath(p)+"/guidelines")
}
