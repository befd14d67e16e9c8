package labeler

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"agora/db"
	"agora/reward/prefs"
	"agora/views"
)

// importJobs are the uploads that this process is reading right now, and what it found out about
// those it read. An import is one transaction: when the process ends in the middle, nothing is
// stored, the file is still there, and it can be started again.
type importJobs struct {
	mu   sync.Mutex
	jobs map[string]*importJob
}

// importJob is one upload being checked or imported.
type importJob struct {
	rows   atomic.Int64 // read so far
	bytes  atomic.Int64 // of the file, read so far
	cancel context.CancelFunc
	done   chan struct{} // closed when the work is over

	importing bool
	key       string // of what was checked: another mapping is another check
	check     importCheck
	err       error
}

func newImportJobs() *importJobs { return &importJobs{jobs: map[string]*importJob{}} }

func (j *importJobs) get(id string) *importJob {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.jobs[id]
}

func (j *importJobs) drop(id string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if job := j.jobs[id]; job != nil {
		job.cancel()
	}
	delete(j.jobs, id)
}

// start runs work in the background, unless the upload is being imported already.
func (j *importJobs) start(id, key string, importing bool, work func(ctx context.Context, job *importJob)) *importJob {
	j.mu.Lock()
	defer j.mu.Unlock()
	if old := j.jobs[id]; old != nil && old.running() {
		if old.importing || old.key == key {
			return old
		}
		old.cancel()
	}
	ctx, cancel := context.WithCancel(context.Background())
	job := &importJob{cancel: cancel, done: make(chan struct{}), importing: importing, key: key}
	j.jobs[id] = job
	go func() {
		defer close(job.done)
		defer cancel()
		work(ctx, job)
	}()
	return job
}

// stop ends all jobs, when the server closes.
func (j *importJobs) stop() {
	j.mu.Lock()
	var running []*importJob
	for _, job := range j.jobs {
		job.cancel()
		running = append(running, job)
	}
	j.mu.Unlock()
	for _, job := range running {
		<-job.done
	}
}

func (job *importJob) running() bool {
	select {
	case <-job.done:
		return false
	default:
		return true
	}
}

// wait gives quick work a moment, so that small files need no second look.
func (job *importJob) wait(ctx context.Context, most time.Duration) {
	select {
	case <-job.done:
	case <-ctx.Done():
	case <-time.After(most):
	}
}

// countingFile counts how much of a file was read since its beginning.
type countingFile struct {
	*os.File
	read *atomic.Int64
}

func (f countingFile) Read(p []byte) (int, error) {
	n, err := f.File.Read(p)
	f.read.Add(int64(n))
	return n, err
}

func (f countingFile) Seek(offset int64, whence int) (int64, error) {
	f.read.Store(0)
	return f.File.Seek(offset, whence)
}

// uploadsDir is where uploads lie: beside the database, for its owner alone.
func (s *Server) uploadsDir() string { return filepath.Join(s.store.Dir(), "uploads") }

func (s *Server) uploadPath(u db.Upload) string { return filepath.Join(s.uploadsDir(), u.ID) }

// importFile describes an upload as it is to be read. Close its file after.
func (s *Server) importFile(u db.Upload, job *importJob) (ImportFile, io.Closer, error) {
	in := ImportFile{Project: u.ProjectID, By: u.UserID, Name: u.File, Queue: u.Queue, Progress: func(n int) { job.rows.Store(int64(n)) }}
	var err error
	if in.Format, err = prefs.ParseFormat(u.Format); err != nil {
		return in, nil, err
	}
	if u.Mapping != "" {
		m, err := prefs.ParseMapping([]byte(u.Mapping))
		if err != nil {
			return in, nil, err
		}
		in.Mapping = &m
	}
	f, err := os.Open(s.uploadPath(u))
	if errors.Is(err, os.ErrNotExist) {
		return in, nil, db.ErrNotFound
	}
	if err != nil {
		return in, nil, err
	}
	in.Data = countingFile{f, &job.bytes}
	return in, f, nil
}

// checkUpload reads an upload in the background and keeps what it found.
func (s *Server) checkUpload(u db.Upload) *importJob {
	key := u.Format + "\n" + u.Mapping
	if job := s.imports.get(u.ID); job != nil && job.key == key && !job.importing {
		return job
	}
	return s.imports.start(u.ID, key, false, func(ctx context.Context, job *importJob) {
		in, f, err := s.importFile(u, job)
		if err != nil {
			job.err = err
			return
		}
		defer f.Close()
		job.check, job.err = in.check(ctx, s.store)
	})
}

// runImport imports an upload in the background. What came of it is noted with the upload.
func (s *Server) runImport(u db.Upload) *importJob {
	return s.imports.start(u.ID, "", true, func(ctx context.Context, job *importJob) {
		in, f, err := s.importFile(u, job)
		var imp db.Import
		if err == nil {
			imp, err = importRecords(ctx, s.store, in)
			f.Close()
		}
		job.err = err
		u.State, u.Message, u.ImportID = db.UploadDone, "", imp.ID
		if err != nil {
			u.State, u.ImportID = db.UploadReady, 0
			switch u.Message = importFault(context.Background(), err); { // the page says it in the reader's language while the job is known
			case errors.Is(err, context.Canceled):
				u.Message = "cancelled"
			case u.Message == "":
				u.Message = "!" // ours: the log has it
				s.log.Error("import failed", "upload", u.File, "error", err)
			}
		}
		if err := s.store.SaveUpload(context.WithoutCancel(ctx), u); err != nil && !errors.Is(err, db.ErrNotFound) {
			s.log.Error("note the end of an import", "upload", u.File, "error", err)
		}
		if u.State == db.UploadDone {
			_ = os.Remove(s.uploadPath(u)) // what stays is swept up with the expired ones
		}
	})
}

// importFault is what is wrong with a file, in words; "" when the fault is not the file's.
func importFault(ctx context.Context, err error) string {
	var line *prefs.Error
	var invalid *db.InvalidError
	switch {
	case errors.Is(err, context.Canceled):
		return views.T(ctx, "import.cancelled")
	case errors.Is(err, db.ErrFull):
		return views.T(ctx, "fail.full.text")
	case errors.Is(err, db.ErrImportedTwice):
		return views.T(ctx, "fail.twice.text")
	case errors.As(err, &line), errors.As(err, &invalid):
		return sayFault(ctx, err)
	}
	return ""
}

// sweepUploads deletes the files of uploads that are expired or unknown. An upload that is being
// received is younger than an hour.
func (s *Server) sweepUploads(ctx context.Context) error {
	if _, err := s.store.ExpiredUploads(ctx); err != nil {
		return err
	}
	entries, err := os.ReadDir(s.uploadsDir())
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	known, err := s.store.KnownUploads(ctx)
	if err != nil {
		return err
	}
	for _, e := range entries {
		info, err := e.Info()
		if err == nil && !known[e.Name()] && time.Since(info.ModTime()) > time.Hour {
			_ = os.Remove(filepath.Join(s.uploadsDir(), e.Name()))
		}
	}
	return nil
}
