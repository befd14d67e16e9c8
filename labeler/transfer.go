package labeler

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"agora/db"
	"agora/reward/prefs"
	"agora/views"

	"github.com/gin-gonic/gin"
)

// The formats a project can be imported from and exported to in the browser.
var (
	importable = []prefs.Format{prefs.FormatCompletions, prefs.FormatRanked, prefs.FormatPrompt, prefs.FormatDemo,
		prefs.FormatTRL, prefs.FormatTRLImplicit, prefs.FormatHH, prefs.FormatHumour}
	exportable = []prefs.Format{prefs.FormatRanked, prefs.FormatTRL, prefs.FormatTRLImplicit, prefs.FormatHH,
		prefs.FormatCompletions, prefs.FormatPrompt, prefs.FormatDemo}
)

func importFormats(ctx context.Context) []views.Choice {
	list := []views.Choice{{Value: "auto", Label: views.T(ctx, "import.auto")}}
	return append(list, formatChoices(importable)...)
}

func exportFormats() []views.Choice { return formatChoices(exportable) }

func formatChoices(fs []prefs.Format) []views.Choice {
	var list []views.Choice
	for _, f := range fs {
		list = append(list, views.Choice{Value: string(f), Label: string(f)})
	}
	return list
}

// importUpload takes an uploaded file into a project, all of it or nothing.
func (s *Server) importUpload(c *gin.Context) error {
	p, err := s.project(c)
	if err != nil {
		return err
	}
	imp, err := s.takeUpload(c, p)
	if err == nil {
		s.notice(c, say(c, "import.done.text", imp.File, views.Count(imp.Rows), views.Count(imp.Items), views.Count(imp.Answers)))
		return seeOther(c, projectPath(p))
	}
	if why := uploadFault(c, err); why != "" {
		return s.projectPage(c, http.StatusUnprocessableEntity, p, func(v *views.Project) { v.ImportErrors = []string{why} })
	}
	return err
}

func (s *Server) takeUpload(c *gin.Context, p db.Project) (db.Import, error) {
	header, err := c.FormFile("file")
	if err != nil {
		return db.Import{}, err
	}
	format, err := prefs.ParseFormat(c.PostForm("format"))
	if err != nil {
		return db.Import{}, &db.InvalidError{Field: "format", Reason: err.Error()}
	}
	f, err := header.Open()
	if err != nil {
		return db.Import{}, err
	}
	defer f.Close()
	return importRecords(c.Request.Context(), s.store, ImportFile{
		Project: p.ID, By: user(c).ID, Name: header.Filename, Data: f, Format: format, Queue: c.PostForm("queue") == "true"})
}

// uploadFault is what is wrong with the file, in words for the page; "" when the fault is not the file's.
func uploadFault(c *gin.Context, err error) string {
	var line *prefs.Error
	var invalid *db.InvalidError
	var tooBig *http.MaxBytesError
	switch {
	case errors.Is(err, http.ErrMissingFile), errors.Is(err, http.ErrNotMultipart):
		return say(c, "import.nofile")
	case errors.As(err, &tooBig):
		return say(c, "import.toolarge", uploadBody>>20)
	case errors.As(err, &line), errors.As(err, &invalid), errors.Is(err, db.ErrImportedTwice):
		return err.Error()
	}
	return ""
}

// exportDownload writes a project's answers in a format, or only the card. The file is complete
// before its first byte is sent, so that a fault never looks like a short download.
func (s *Server) exportDownload(c *gin.Context) error {
	p, err := s.project(c)
	if err != nil {
		return err
	}
	format, err := prefs.ParseFormat(c.Query("format"))
	if err != nil || format == prefs.Auto {
		return &db.InvalidError{Field: "format", Reason: "choose one of the formats that are offered"}
	}
	tmp, err := os.CreateTemp("", "agora-export-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	defer tmp.Close()
	card, err := s.writeExport(c.Request.Context(), p, format, tmp)
	if errors.Is(err, errNothing) {
		s.notice(c, say(c, "export.nothing", string(format)))
		return seeOther(c, projectPath(p)+"#export")
	}
	if err != nil {
		return err
	}
	if err := s.store.Log(c.Request.Context(), user(c).ID, "export", fmt.Sprintf("project:%d", p.ID), map[string]any{"format": format, "rows": card.Rows}); err != nil {
		return err
	}
	if c.Query("card") != "" {
		return sendCard(c, p, format, card)
	}
	return sendFile(c, fmt.Sprintf("%s-%s.jsonl", p.Name, format), tmp)
}

func (s *Server) writeExport(ctx context.Context, p db.Project, format prefs.Format, w io.Writer) (*prefs.Card, error) {
	a, err := about(ctx, s.store, p, "")
	if err != nil {
		return nil, err
	}
	return prefs.Encode(w, format, exportRecords(ctx, s.store, p, format), a)
}

func sendFile(c *gin.Context, name string, f *os.File) error {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	c.Header("Content-Type", "application/jsonl; charset=utf-8")
	c.Header("Content-Disposition", fmt.Sprintf("attachment; filename=%q", name))
	c.Status(http.StatusOK)
	_, _ = io.Copy(c.Writer, f) // a browser that left is no fault of ours
	return nil
}

func sendCard(c *gin.Context, p db.Project, format prefs.Format, card *prefs.Card) error {
	c.Header("Content-Disposition", fmt.Sprintf("attachment; filename=%q", fmt.Sprintf("%s-%s.card.json", p.Name, format)))
	c.Header("Content-Type", "application/json; charset=utf-8")
	c.Status(http.StatusOK)
	enc := json.NewEncoder(c.Writer)
	enc.SetIndent("", "  ")
	_ = enc.Encode(card)
	return nil
}
