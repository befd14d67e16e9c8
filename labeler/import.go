package labeler

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"path/filepath"

	"agora/db"
	"agora/reward/prefs"
)

// ImportFile says what to import, and for whom.
type ImportFile struct {
	Project int64
	By      int64         // who asked; 0: the command line
	Name    string        // of the file, for messages
	Data    io.ReadSeeker // read twice: to hash it, then to take it in
	Format  prefs.Format
	Queue   bool // hand out also the items that come with judgements
}

// importRecords takes a file into a project, all of it or nothing.
func importRecords(ctx context.Context, store *db.Store, in ImportFile) (db.Import, error) {
	sum := sha256.New()
	if _, err := io.Copy(sum, in.Data); err != nil {
		return db.Import{}, fmt.Errorf("read %s: %w", in.Name, err)
	}
	if _, err := in.Data.Seek(0, io.SeekStart); err != nil {
		return db.Import{}, err
	}
	format, err := in.format()
	if err != nil {
		return db.Import{}, err
	}
	next, stop := iter.Pull2(prefs.Decode(in.Data, in.Name, format))
	defer stop()
	imp := db.Import{ProjectID: in.Project, File: filepath.Base(in.Name), Format: string(format),
		SHA256: hex.EncodeToString(sum.Sum(nil)), CreatedBy: in.By}
	imp, err = store.ImportBatch(ctx, imp, func() (db.NewItem, bool, error) {
		r, err, ok := next()
		if !ok || err != nil {
			return db.NewItem{}, false, err
		}
		item, err := itemOf(r)
		item.Queue = item.Answer == nil || in.Queue
		return item, true, err
	})
	var named *prefs.Error
	if err != nil && !errors.As(err, &named) {
		err = fmt.Errorf("%s: %w", in.Name, err)
	}
	return imp, err
}

// format is the one asked for, or what the first row looks like.
func (in ImportFile) format() (prefs.Format, error) {
	if in.Format != prefs.Auto {
		return in.Format, nil
	}
	format, err := prefs.Detect(in.Data, in.Name)
	if err == nil {
		_, err = in.Data.Seek(0, io.SeekStart)
	}
	return format, err
}
