package labeler

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"agora/db"
	"agora/reward/prefs"
	"agora/views"

	"github.com/gin-gonic/gin"
)

// routesDataIn serves the way of a file into a project: received, looked at, imported.
func (s *Server) routesDataIn() []Route {
	const base = "/projects/:project/import"
	return []Route{
		{Method: http.MethodGet, Path: base, Allow: researchers, Handle: s.importForm},
		{Method: http.MethodPost, Path: base, Allow: researchers, Handle: s.importUpload, MaxBody: uploadBody},
		{Method: http.MethodGet, Path: base + "/:upload", Allow: researchers, Handle: s.importPreview},
		{Method: http.MethodGet, Path: base + "/:upload/state", Allow: researchers, Handle: s.importState},
		{Method: http.MethodPost, Path: base + "/:upload/mapping", Allow: researchers, Handle: s.importMapping},
		{Method: http.MethodPost, Path: base + "/:upload/start", Allow: researchers, Handle: s.importStart},
		{Method: http.MethodPost, Path: base + "/:upload/cancel", Allow: researchers, Handle: s.importCancel},
	}
}

func importPath(p db.Project) string { return projectPath(p) + "/import" }

// importForm is where a file is chosen or dropped.
func (s *Server) importForm(c *gin.Context) error { return s.importPage(c, http.StatusOK, "") }

func (s *Server) importPage(c *gin.Context, status int, fault string) error {
	ctx := c.Request.Context()
	p, err := s.project(c)
	if err != nil {
		return err
	}
	uploads, err := s.store.Uploads(ctx, p.ID)
	if err != nil {
		return err
	}
	imports, err := s.store.Imports(ctx, p.ID)
	if err != nil {
		return err
	}
	v := views.DataIn{Action: importPath(p), Error: fault, MostMB: uploadBody >> 20}
	for _, u := range uploads {
		if u.State != db.UploadDone {
			v.Waiting = append(v.Waiting, views.UploadRow{Href: importPath(p) + "/" + u.ID, File: u.File, Size: size(u.Size), State: u.State, Received: u.Created.Time(), Expires: u.Expires.Time()})
		}
	}
	for _, i := range slices.Backward(imports) {
		v.Datasets = append(v.Datasets, views.Dataset{File: i.File, Format: i.Format, SHA256: i.SHA256, Rows: i.Rows, Items: i.Items, Answers: i.Answers, When: i.Created.Time()})
	}
	f := s.frame(c, say(c, "import.page"))
	f.Crumbs = projectCrumbs(c, p, f.Title)
	f.Scripts = append(f.Scripts, "import.js")
	return render(c, status, views.DataInPage(f, v))
}

func size(n int64) string {
	if n < 1<<20 {
		return fmt.Sprintf("%.1f kB", float64(n)/1000)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1e6)
}

// importUpload receives a file and goes on to its preview.
func (s *Server) importUpload(c *gin.Context) error {
	p, err := s.project(c)
	if err != nil {
		return err
	}
	u, err := s.receive(c, p)
	var tooBig *http.MaxBytesError
	switch {
	case errors.Is(err, http.ErrMissingFile), errors.Is(err, http.ErrNotMultipart):
		return s.importPage(c, http.StatusUnprocessableEntity, say(c, "import.nofile"))
	case errors.As(err, &tooBig):
		return s.importPage(c, http.StatusUnprocessableEntity, say(c, "import.toolarge", uploadBody>>20))
	case err != nil:
		return err
	}
	s.checkUpload(u).wait(c.Request.Context(), time.Second)
	return seeOther(c, importPath(p)+"/"+u.ID)
}

// receive stores the file of a form beside the database. What fails on the way leaves nothing.
func (s *Server) receive(c *gin.Context, p db.Project) (u db.Upload, err error) {
	ctx := c.Request.Context()
	header, err := c.FormFile("file")
	if err != nil {
		return u, err
	}
	if err := s.sweepUploads(ctx); err != nil {
		return u, err
	}
	in, err := header.Open()
	if err != nil {
		return u, err
	}
	defer in.Close()
	if err := os.MkdirAll(s.uploadsDir(), 0o700); err != nil {
		return u, err
	}
	tmp, err := os.CreateTemp(s.uploadsDir(), "receiving-*")
	if err != nil {
		return u, err
	}
	defer func() {
		tmp.Close()
		if err != nil {
			os.Remove(tmp.Name())
		}
	}()
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(tmp, sum), in)
	if err == nil {
		err = tmp.Sync()
	}
	if err != nil {
		return u, err
	}
	u = db.Upload{ProjectID: p.ID, UserID: user(c).ID, File: filepath.Base(header.Filename), Size: n, SHA256: hex.EncodeToString(sum.Sum(nil))}
	if err = s.guessShape(ctx, &u, tmp.Name()); err != nil {
		return u, err
	}
	if u, err = s.store.AddUpload(ctx, u); err != nil {
		return u, err
	}
	return u, os.Rename(tmp.Name(), s.uploadPath(u))
}

// guessShape looks at the first row: a known format, else the mapping that was used for files with
// these columns before, else a guess. A file that cannot be read is kept for the preview to say why.
func (s *Server) guessShape(ctx context.Context, u *db.Upload, path string) error {
	columns, format := s.lookAt(u.File, path)
	if format != prefs.Auto || len(columns) == 0 {
		return nil
	}
	old, err := s.store.RememberedMapping(ctx, u.ProjectID, columnsKey(columns))
	if u.Mapping = old; err != nil || old != "" {
		return err
	}
	if m, ok := prefs.GuessMapping(columns); ok && m.Validate() == nil {
		u.Mapping = m.String()
	}
	return nil
}

// lookAt reads the columns and the format of a file's first row, as far as there are any.
func (s *Server) lookAt(name, path string) ([]string, prefs.Format) {
	f, err := os.Open(path)
	if err != nil {
		return nil, prefs.Auto
	}
	defer f.Close()
	columns, format, _ := prefs.Source{Name: name}.Look(f) // the preview says what is wrong
	return columns, format
}

// columnsKey names files with the same columns, in whatever order.
func columnsKey(columns []string) string {
	sorted := slices.Sorted(slices.Values(columns))
	return strings.Join(sorted, "\x1f")
}

// upload loads the upload of the address.
func (s *Server) upload(c *gin.Context) (db.Project, db.Upload, error) {
	p, err := s.project(c)
	if err != nil {
		return p, db.Upload{}, err
	}
	u, err := s.store.Upload(c.Request.Context(), p.ID, c.Param("upload"))
	return p, u, err
}

// importPreview shows what was read of an upload, what is wrong with it, and what an import would do.
func (s *Server) importPreview(c *gin.Context) error {
	p, u, err := s.upload(c)
	if err != nil {
		return err
	}
	ctx := c.Request.Context()
	v := views.Upload{Base: importPath(p) + "/" + u.ID, Back: importPath(p), Project: projectPath(p), File: u.File, Size: size(u.Size), Queue: u.Queue, State: u.State, Message: uploadMessage(ctx, u)}
	job := s.imports.get(u.ID)
	if job != nil && job.importing && !job.running() && u.State == db.UploadReady {
		v.Message = cmp.Or(importFault(ctx, job.err), v.Message)
	}
	switch {
	case u.State == db.UploadDone:
		err = s.importResult(ctx, p, u, &v)
	case job != nil && job.importing && job.running():
		v.Working, v.Importing = true, true
		v.Rows, v.Percent = int(job.rows.Load()), percent(job, u)
	default:
		if u.State == db.UploadRunning { // of a process that is gone
			v.Message, v.State = say(c, "import.interrupted"), db.UploadReady
		}
		err = s.fillPreview(c, u, &v)
	}
	if err != nil {
		return err
	}
	f := s.frame(c, u.File)
	f.Crumbs = append(projectCrumbs(c, p, ""), views.Crumb{Label: u.File})
	f.Crumbs[2] = views.Crumb{Label: say(c, "import.page"), Href: importPath(p)}
	f.Scripts = append(f.Scripts, "import.js")
	if v.Working {
		c.Header("Refresh", "2") // for browsers without scripts; import.js asks for the numbers alone
	}
	return render(c, http.StatusOK, views.UploadPage(f, v))
}

// uploadMessage is what happened last to an upload, in the reader's language where it is ours.
func uploadMessage(ctx context.Context, u db.Upload) string {
	switch u.Message {
	case "":
		return ""
	case "!":
		return views.T(ctx, "import.ours")
	case "cancelled":
		return views.T(ctx, "import.cancelled")
	}
	return u.Message
}

func percent(job *importJob, u db.Upload) int {
	if u.Size == 0 {
		return 0
	}
	return int(min(100, 100*job.bytes.Load()/u.Size))
}

// importResult tells what a finished import brought.
func (s *Server) importResult(ctx context.Context, p db.Project, u db.Upload, v *views.Upload) error {
	imports, err := s.store.Imports(ctx, p.ID)
	for _, i := range imports {
		if i.ID == u.ImportID {
			v.Done = views.T(ctx, "import.done.text", i.File, views.Count(i.Rows), views.Count(i.Items), views.Count(i.Answers))
		}
	}
	return err
}

// fillPreview waits a moment for the check and shows it, or how far it is.
func (s *Server) fillPreview(c *gin.Context, u db.Upload, v *views.Upload) error {
	ctx := c.Request.Context()
	job := s.checkUpload(u)
	job.wait(ctx, 1500*time.Millisecond)
	v.Columns, _ = s.lookAt(u.File, s.uploadPath(u))
	v.Format, v.MapOn = u.Format, u.Mapping != ""
	if err := fillMapping(u, v); err != nil {
		return err
	}
	v.Formats = importFormats(ctx)
	if job.running() {
		v.Working, v.Rows, v.Percent = true, int(job.rows.Load()), percent(job, u)
		return nil
	}
	if job.err != nil {
		if fault := importFault(ctx, job.err); fault != "" {
			v.Faults = append(v.Faults, views.FileFault{Reason: fault})
			return nil
		}
		s.imports.drop(u.ID)
		return job.err
	}
	fillCheck(ctx, job.check, v)
	return nil
}

// importFormats are the formats that an upload can be read as.
func importFormats(ctx context.Context) []views.Choice {
	list := []views.Choice{{Value: "auto", Label: views.T(ctx, "import.auto")}}
	for _, f := range []prefs.Format{prefs.FormatCompletions, prefs.FormatRanked, prefs.FormatPrompt, prefs.FormatDemo,
		prefs.FormatTRL, prefs.FormatTRLImplicit, prefs.FormatHH, prefs.FormatHumour} {
		list = append(list, views.Choice{Value: string(f), Label: views.T(ctx, "format."+string(f))})
	}
	return append(list, views.Choice{Value: "mapping", Label: views.T(ctx, "format.mapping")})
}

func fillCheck(ctx context.Context, c importCheck, v *views.Upload) {
	v.ReadAs, v.Checked = views.T(ctx, "format."+c.Format), true
	v.RowsRead, v.New, v.Known, v.Answers, v.Already, v.MoreFaults = c.ImportPreview.Rows, c.New, c.Known, c.Answers, c.Already, c.More
	if c.Format == "" {
		v.ReadAs = views.T(ctx, "import.unknown")
	}
	for _, f := range c.Faults {
		line, field, reason := placeOf(&f)
		v.Faults = append(v.Faults, views.FileFault{Line: line, Field: field, Reason: views.SaidError(ctx, reason)})
	}
	for _, r := range c.Sample {
		v.Sample = append(v.Sample, readRow(ctx, r))
	}
}

// readRow is a record as it was read, in short.
func readRow(ctx context.Context, r prefs.Preview) views.ReadRow {
	row := views.ReadRow{Kind: views.T(ctx, "record."+strings.TrimSuffix(r.Kind, "/1")), Worker: r.Worker, Lang: r.Lang}
	if n := len(r.Prompt); n > 0 {
		row.Prompt = shorten(r.Prompt[n-1].Content, 160)
	}
	row.Turns = len(r.Prompt)
	for i, t := range r.Completions {
		text := views.ReadText{Text: shorten(t.Text, 120), Policy: t.Policy}
		if i < len(r.Ranks) && r.Ranks[i] != nil {
			text.Rank = views.T(ctx, "review.rank", *r.Ranks[i])
		}
		row.Texts = append(row.Texts, text)
	}
	return row
}

// importState tells a script how far an upload is.
func (s *Server) importState(c *gin.Context) error {
	_, u, err := s.upload(c)
	if err != nil {
		return err
	}
	state := gin.H{"working": false, "state": u.State}
	if job := s.imports.get(u.ID); job != nil && job.running() {
		state = gin.H{"working": true, "percent": percent(job, u), "rows": job.rows.Load(), "text": importedSoFar(c, job)}
	}
	c.JSON(http.StatusOK, state)
	return nil
}

func importedSoFar(c *gin.Context, job *importJob) string {
	return say(c, "import.sofar", views.Count(int(job.rows.Load())))
}

// importStart begins the import of an upload that has no faults.
func (s *Server) importStart(c *gin.Context) error {
	p, u, err := s.upload(c)
	if err != nil {
		return err
	}
	if u.State == db.UploadDone {
		return seeOther(c, importPath(p)+"/"+u.ID)
	}
	u.Queue, u.State, u.Message = c.PostForm("queue") == "true", db.UploadRunning, ""
	if err := s.store.SaveUpload(c.Request.Context(), u); err != nil {
		return err
	}
	if err := s.remember(c.Request.Context(), u); err != nil {
		return err
	}
	s.runImport(u).wait(c.Request.Context(), time.Second)
	return seeOther(c, importPath(p)+"/"+u.ID)
}

// remember keeps the mapping for the next file with the same columns.
func (s *Server) remember(ctx context.Context, u db.Upload) error {
	columns, _ := s.lookAt(u.File, s.uploadPath(u))
	if u.Mapping == "" || len(columns) == 0 {
		return nil
	}
	return s.store.RememberMapping(ctx, u.ProjectID, columnsKey(columns), u.Mapping)
}

// importCancel stops a running import, of which then nothing is stored, or discards an upload.
func (s *Server) importCancel(c *gin.Context) error {
	p, u, err := s.upload(c)
	if err != nil {
		return err
	}
	if job := s.imports.get(u.ID); job != nil && job.importing && job.running() {
		job.cancel()
		job.wait(c.Request.Context(), 5*time.Second)
		return seeOther(c, importPath(p)+"/"+u.ID)
	}
	s.imports.drop(u.ID)
	if err := s.store.DropUpload(c.Request.Context(), user(c).ID, u); err != nil {
		return err
	}
	_ = os.Remove(s.uploadPath(u)) // what stays is swept up with the expired ones
	s.notice(c, say(c, "import.discarded", u.File))
	return seeOther(c, importPath(p))
}
