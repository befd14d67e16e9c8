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
	next, stop := iter.Pull2(prefs.Decode(in.Data, in.Name, in.Format))
	defer stop()
	r, err, ok := next()
	if err != nil {
		return db.Import{}, err
	}
	if !ok {
		return db.Import{}, fmt.Errorf("%s has no rows", in.Name)
	}
	imp := db.Import{ProjectID: in.Project, File: filepath.Base(in.Name), Format: string(formatOf(r, in.Format)),
		SHA256: hex.EncodeToString(sum.Sum(nil)), CreatedBy: in.By}
	imp, err = store.ImportBatch(ctx, imp, func() (db.NewItem, bool, error) {
		if !ok || err != nil {
			return db.NewItem{}, false, err
		}
		item, bad := itemOf(r)
		item.Queue = item.Answer == nil || in.Queue
		r, err, ok = next()
		return item, true, bad
	})
	var named *prefs.Error
	if err != nil && !errors.As(err, &named) {
		err = fmt.Errorf("%s: %w", in.Name, err)
	}
	return imp, err
}
