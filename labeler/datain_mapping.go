package labeler

import (
	"fmt"
	"strings"

	"agora/db"
	"agora/reward/prefs"
	"agora/views"

	"github.com/gin-gonic/gin"
)

// mostTexts is how many completions the mapping form has places for.
const mostTexts = 9

// importMapping stores how an upload is to be read and looks at it again.
func (s *Server) importMapping(c *gin.Context) error {
	p, u, err := s.upload(c)
	if err != nil {
		return err
	}
	u.Format, u.Mapping, u.Message = c.PostForm("format"), "", ""
	if u.Format == "mapping" {
		u.Format, u.Mapping = "", mappingOf(c).String()
	}
	if u.Format == "auto" {
		u.Format = ""
	}
	if _, err := prefs.ParseFormat(u.Format); err != nil {
		return db.Invalid("format", "%s", err)
	}
	if u.State == db.UploadRunning {
		u.State = db.UploadReady
	}
	if err := s.store.SaveUpload(c.Request.Context(), u); err != nil {
		return err
	}
	return seeOther(c, importPath(p)+"/"+u.ID+"#preview")
}

// mappingOf reads the mapping form.
func mappingOf(c *gin.Context) prefs.Mapping {
	m := prefs.Mapping{
		Prompt: c.PostForm("prompt"), System: c.PostForm("system"), List: c.PostForm("list"), ListText: strings.TrimSpace(c.PostForm("list_text")), ListPolicy: strings.TrimSpace(c.PostForm("list_policy")),
		Preference: c.PostForm("preference"), FromZero: c.PostForm("from_zero") == "true", Ranks: c.PostForm("ranks"), Worker: c.PostForm("worker"), Lang: c.PostForm("lang"),
		PromptID: c.PostForm("prompt_id"), Note: c.PostForm("note"), Confidence: c.PostForm("confidence"), AnsweredAt: c.PostForm("answered_at"),
	}
	for i := range mostTexts {
		text, policy := c.PostForm(fmt.Sprintf("text%d", i+1)), c.PostForm(fmt.Sprintf("policy%d", i+1))
		if text == "" {
			continue
		}
		m.Completions = append(m.Completions, text)
		if policy != "" {
			for len(m.Policies) < len(m.Completions)-1 {
				m.Policies = append(m.Policies, "")
			}
			m.Policies = append(m.Policies, policy)
		}
	}
	return m
}

// fillMapping puts the mapping of an upload, or the likeliest one, into the form.
func fillMapping(u db.Upload, v *views.Upload) error {
	m, ok := prefs.GuessMapping(v.Columns)
	if u.Mapping != "" {
		var err error
		if m, err = prefs.ParseMapping([]byte(u.Mapping)); err != nil {
			v.Faults = append(v.Faults, views.FileFault{Reason: err.Error()})
		}
	} else if !ok {
		m = prefs.Mapping{}
	}
	v.Map = map[string]string{"prompt": m.Prompt, "system": m.System, "list": m.List, "list_text": m.ListText, "list_policy": m.ListPolicy, "preference": m.Preference, "ranks": m.Ranks,
		"worker": m.Worker, "lang": m.Lang, "prompt_id": m.PromptID, "note": m.Note, "confidence": m.Confidence, "answered_at": m.AnsweredAt}
	if m.FromZero {
		v.Map["from_zero"] = "true"
	}
	for i := range m.Completions {
		v.Map[fmt.Sprintf("text%d", i+1)] = m.Completions[i]
		if i < len(m.Policies) {
			v.Map[fmt.Sprintf("policy%d", i+1)] = m.Policies[i]
		}
	}
	v.Texts = min(mostTexts, max(2, len(m.Completions)+1))
	return nil
}
