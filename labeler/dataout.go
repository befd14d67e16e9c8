package labeler

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"agora/db"
	"agora/reward/prefs"
	"agora/views"

	"github.com/gin-gonic/gin"
)

// exportable are the formats a project can be exported to in the browser.
var exportable = []prefs.Format{prefs.FormatRanked, prefs.FormatTRL, prefs.FormatTRLImplicit, prefs.FormatHH,
	prefs.FormatCompletions, prefs.FormatPrompt, prefs.FormatDemo}

// packings are the ways to hand over file and cards.
var packings = []string{"zip", "tar.gz", "data", "card", "text"}

// routesDataOut serves exports.
func (s *Server) routesDataOut() []Route {
	return []Route{
		{Method: http.MethodGet, Path: "/projects/:project/export", Allow: researchers, Handle: s.exportForm},
		{Method: http.MethodPost, Path: "/projects/:project/export", Allow: researchers, Handle: s.exportDownload},
	}
}

func (s *Server) exportForm(c *gin.Context) error {
	return s.exportPage(c, http.StatusOK, views.DataOut{Format: string(prefs.FormatRanked), Pack: packings[0]})
}

// exportPage shows the form with what was chosen, and what was exported before.
func (s *Server) exportPage(c *gin.Context, status int, v views.DataOut) error {
	ctx := c.Request.Context()
	p, err := s.project(c)
	if err != nil {
		return err
	}
	choices, err := s.store.ReviewChoices(ctx, p.ID)
	if err != nil {
		return err
	}
	left, err := s.store.LeftOut(ctx, p.ID)
	if err != nil {
		return err
	}
	made, err := s.artefactsView(ctx, p, false)
	if err != nil {
		return err
	}
	v.Action, v.Artefacts = projectPath(p)+"/export", artefactsPath(p)
	for _, f := range exportable {
		v.Formats = append(v.Formats, views.Choice{Value: string(f), Label: say(c, "format."+string(f))})
	}
	for _, k := range packings {
		v.Packs = append(v.Packs, views.Choice{Value: k, Label: say(c, "export.pack."+k)})
	}
	v.Langs = []views.Choice{{Label: say(c, "review.any")}}
	for _, l := range choices.Langs {
		v.Langs = append(v.Langs, views.Choice{Value: l, Label: l})
	}
	v.Withdrawn, v.Excluded, v.Returned = int(left.WithdrawnPeople), int(left.Excluded), int(left.Returned)
	for _, r := range append(made.Affected, made.Others...) {
		if r.Rows > 0 {
			v.Earlier = append(v.Earlier, r)
		}
	}
	f := s.frame(c, say(c, "export.page"))
	f.Crumbs = projectCrumbs(c, p, f.Title)
	return render(c, status, views.DataOutPage(f, v))
}

// exportDownload writes file and cards. They are complete before their first byte is sent, so that a
// fault never looks like a short download.
func (s *Server) exportDownload(c *gin.Context) error {
	p, err := s.project(c)
	if err != nil {
		return err
	}
	form := views.DataOut{Format: c.PostForm("format"), Pack: c.PostForm("pack"), Lang: c.PostForm("lang"), From: c.PostForm("from"), To: c.PostForm("to"),
		Licence: strings.TrimSpace(c.PostForm("licence")), Complete: c.PostForm("complete") == "true"}
	format, err := prefs.ParseFormat(form.Format)
	if err != nil || format == prefs.Auto {
		return db.Invalid("format", "choose one of the formats that are offered")
	}
	d := dataOut{Project: p, Format: format, Licence: form.Licence, Lang: form.Lang, Complete: form.Complete}
	if d.From, d.To, err = days(form.From, form.To); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "agora-export-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	name := fmt.Sprintf("%s-%s", p.Name, format)
	path := filepath.Join(dir, name+".jsonl")
	if form.Pack == "card" || form.Pack == "text" {
		err = d.writeCards(c.Request.Context(), s.store, path)
	} else {
		_, err = d.write(c.Request.Context(), s.store, path, user(c).ID)
	}
	if errors.Is(err, errNothing) {
		form.Error = say(c, "export.nothing", string(format))
		return s.exportPage(c, http.StatusUnprocessableEntity, form)
	}
	if err != nil {
		return err
	}
	return sendExport(c, form.Pack, dir, name)
}

// sendExport sends the files of a folder as they were asked for.
func sendExport(c *gin.Context, pack, dir, name string) error {
	send := func(file, mime string) error {
		f, err := os.Open(filepath.Join(dir, file))
		if err != nil {
			return err
		}
		defer f.Close()
		return sendFile(c, file, mime, f)
	}
	switch pack {
	case "data":
		return send(name+".jsonl", "application/jsonl; charset=utf-8")
	case "card":
		return send(name+".card.json", "application/json; charset=utf-8")
	case "text":
		return send(name+".card.md", "text/markdown; charset=utf-8")
	case "zip":
		if err := bundle(dir, name+".zip", name, zipFiles); err != nil {
			return err
		}
		return send(name+".zip", "application/zip")
	case "tar.gz":
		if err := bundle(dir, name+".tar.gz", name, tarFiles); err != nil {
			return err
		}
		return send(name+".tar.gz", "application/gzip")
	}
	return db.Invalid("pack", "choose one of the ways that are offered")
}

// bundle packs data and cards into one file of the same folder.
func bundle(dir, file, name string, pack func(w io.Writer, dir string, names []string) error) error {
	f, err := os.Create(filepath.Join(dir, file))
	if err != nil {
		return err
	}
	return errors.Join(pack(f, dir, []string{name + ".jsonl", name + ".card.json", name + ".card.md"}), f.Close())
}

func zipFiles(w io.Writer, dir string, names []string) error {
	z := zip.NewWriter(w)
	for _, name := range names {
		to, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: time.Now()})
		if err != nil {
			return err
		}
		if err := copyFile(to, filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return z.Close()
}

func tarFiles(w io.Writer, dir string, names []string) error {
	z := gzip.NewWriter(w)
	t := tar.NewWriter(z)
	for _, name := range names {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		if err := t.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: info.Size(), ModTime: info.ModTime()}); err != nil {
			return err
		}
		if err := copyFile(t, filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return errors.Join(t.Close(), z.Close())
}

func copyFile(w io.Writer, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(w, f)
	return err
}

// sendFile sends a file that is complete.
func sendFile(c *gin.Context, name, mime string, f *os.File) error {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	c.Header("Content-Type", mime)
	c.Header("Content-Disposition", fmt.Sprintf("attachment; filename=%q", name))
	c.Status(http.StatusOK)
	_, _ = io.Copy(c.Writer, f) // a browser that left is no fault of ours
	return nil
}
