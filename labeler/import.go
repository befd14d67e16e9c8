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
	Project  int64
	By       int64         // who asked; 0: the command line
	Name     string        // of the file, for messages
	Data     io.ReadSeeker // read twice: to hash it, then to take it in
	Format   prefs.Format
	Mapping  *prefs.Mapping // of a file of unknown shape; nil: one of the formats
	Queue    bool           // hand out also the items that come with judgements
	Progress func(rows int) // called now and then; may be nil
}

// importRecords takes a file into a project, all of it or nothing.
func importRecords(ctx context.Context, store *db.Store, in ImportFile) (db.Import, error) {
	sum, err := in.hash()
	if err != nil {
		return db.Import{}, err
	}
	source, format, err := in.source()
	if err != nil {
		return db.Import{}, err
	}
	next, stop := iter.Pull2(source.Decode(in.Data))
	defer stop()
	imp := db.Import{ProjectID: in.Project, File: filepath.Base(in.Name), Format: format, SHA256: sum, CreatedBy: in.By}
	var last prefs.Row // for the line of what the database refuses
	imp, err = store.ImportBatch(ctx, imp, func() (db.NewItem, bool, error) {
		r, err, ok := next()
		if !ok || err != nil {
			return db.NewItem{}, false, err
		}
		if err := ctx.Err(); err != nil {
			return db.NewItem{}, false, err
		}
		if last = r; in.Progress != nil && r.Line%200 == 0 {
			in.Progress(r.Line)
		}
		item, err := in.item(r)
		return item, true, err
	})
	var named *prefs.Error
	var refused *db.InvalidError
	switch {
	case err == nil || errors.As(err, &named):
	case errors.As(err, &refused) && last.Line > 0:
		err = &prefs.Error{File: in.Name, Unit: last.Unit, Line: last.Line, Err: refused}
	default:
		err = fmt.Errorf("%s: %w", in.Name, err)
	}
	return imp, err
}

// hash is the sha256 of the file's bytes; the file is read from its beginning after it.
func (in ImportFile) hash() (string, error) {
	sum := sha256.New()
	if _, err := io.Copy(sum, in.Data); err != nil {
		return "", fmt.Errorf("read %s: %w", in.Name, err)
	}
	_, err := in.Data.Seek(0, io.SeekStart)
	return hex.EncodeToString(sum.Sum(nil)), err
}

// source is how the file is read, and the name of its format: the one asked for, or what the first
// row looks like.
func (in ImportFile) source() (prefs.Source, string, error) {
	s := prefs.Source{Name: in.Name, Format: in.Format, Mapping: in.Mapping}
	switch {
	case in.Mapping != nil:
		return s, "mapping", nil
	case in.Format != prefs.Auto:
		return s, string(in.Format), nil
	}
	format, err := prefs.Detect(in.Data, in.Name)
	if err == nil {
		_, err = in.Data.Seek(0, io.SeekStart)
	}
	s.Format = format
	return s, string(format), err
}

// item is a record on its way into the database.
func (in ImportFile) item(r prefs.Row) (db.NewItem, error) {
	item, err := itemOf(r.Record)
	item.Queue = item.Answer == nil || in.Queue
	return item, err
}

// maxFaults is how many faults of a file are listed.
const maxFaults = 200

// importCheck is what an import would do, and what is wrong with the file.
type importCheck struct {
	db.ImportPreview
	Columns []string
	Format  string // as it is read
	Faults  []prefs.Error
	More    int // faults beyond those listed
	Sample  []prefs.Preview
}

// previewRows is how many records a preview shows.
const previewRows = 5

// check reads the whole file as an import would, stores nothing, and collects every fault.
func (in ImportFile) check(ctx context.Context, store *db.Store) (importCheck, error) {
	var c importCheck
	sum, err := in.hash()
	if err != nil {
		return c, err
	}
	source, format, err := in.source()
	if c.Format = format; err != nil {
		return c.fault(err)
	}
	next, stop := iter.Pull2(source.All(in.Data))
	defer stop()
	var line prefs.Row
	c.ImportPreview, err = store.PreviewImport(ctx, in.Project, sum, func() (db.NewItem, bool, error) {
		for {
			r, err, ok := next()
			if !ok {
				return db.NewItem{}, false, nil
			}
			if err == nil {
				err = ctx.Err()
			}
			if ctx.Err() != nil {
				return db.NewItem{}, false, err
			}
			if err != nil {
				c.add(err)
				continue
			}
			if line = r; in.Progress != nil && r.Line%200 == 0 {
				in.Progress(r.Line)
			}
			if len(c.Sample) < previewRows {
				c.Sample = append(c.Sample, prefs.PreviewOf(r.Record))
			}
			item, err := in.item(r)
			item.Line = r.Line
			return item, true, err
		}
	}, func(_ int, err error) { c.add(&prefs.Error{File: in.Name, Unit: line.Unit, Line: line.Line, Err: err}) })
	return c, err
}

// fault is the outcome when the file cannot be read at all.
func (c importCheck) fault(err error) (importCheck, error) {
	var named *prefs.Error
	if !errors.As(err, &named) {
		return c, err
	}
	c.add(err)
	return c, nil
}

func (c *importCheck) add(err error) {
	var named *prefs.Error
	if !errors.As(err, &named) {
		named = &prefs.Error{Err: err}
	}
	if len(c.Faults) == maxFaults {
		c.More++
		return
	}
	c.Faults = append(c.Faults, *named)
}
