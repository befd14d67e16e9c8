package labeler

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"time"

	"agora/db"
	"agora/reward/prefs"
)

// errNothing means that a project holds nothing of what a format is made of.
var errNothing = errors.New("nothing to export")

// exportRecords yields a project's records for a format, in the order of their
// files, then in the order the site's answers were given.
func exportRecords(ctx context.Context, store *db.Store, p db.Project, format prefs.Format) iter.Seq2[prefs.Record, error] {
	return func(yield func(prefs.Record, error) bool) {
		out, in := io.Pipe()
		done := make(chan struct{})
		go func() {
			defer close(done)
			in.CloseWithError(writeLines(ctx, store, p, format, in))
		}()
		defer func() { <-done }()
		defer out.Close()
		for r, err := range prefs.Decode(out, "project "+p.Name, ownFormat(format)) {
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

// ownFormat is the one of agora's formats that an export is made from.
func ownFormat(f prefs.Format) prefs.Format {
	switch f {
	case prefs.FormatPrompt, prefs.FormatDemo, prefs.FormatCompletions:
		return f
	}
	return prefs.FormatRanked
}

// writeLines writes a project's lines in agora's own format.
func writeLines(ctx context.Context, store *db.Store, p db.Project, format prefs.Format, w io.Writer) error {
	n := 0
	err := store.EachRecord(ctx, db.Export{ProjectID: p.ID, Items: itemKind(format)}, func(r db.Record) error {
		line, err := lineOf(p, r)
		if err != nil {
			return err
		}
		n++
		b, err := line.MarshalJSON()
		if err != nil {
			return err
		}
		_, err = w.Write(append(b, '\n'))
		return err
	})
	if err == nil && n == 0 {
		return fmt.Errorf("%w as %s", errNothing, format)
	}
	return err
}

// itemKind is what an export lists: items of a kind, or "" for answers.
func itemKind(f prefs.Format) string {
	switch f {
	case prefs.FormatPrompt:
		return db.ItemPrompt
	case prefs.FormatDemo:
		return db.ItemDemo
	case prefs.FormatCompletions:
		return db.ItemRank
	}
	return ""
}

// about is what an export's card says beyond its rows.
func about(ctx context.Context, store *db.Store, p db.Project, licence string) (prefs.About, error) {
	imports, err := store.Imports(ctx, p.ID)
	a := prefs.About{Licence: licence, Filters: []string{"answers that their labeler took back or replaced are left out"}}
	for _, imp := range imports {
		a.Parents = append(a.Parents, prefs.Parent{Name: imp.File, SHA256: imp.SHA256})
	}
	return a, err
}

// siteLine writes an answer given on the site as a ranked/1 line.
func siteLine(p db.Project, r db.Record) (prefs.Fields, error) {
	a := r.Answer
	fold := workerFold(p, a.Worker)
	ranked := &prefs.Ranked{
		Project: p.Name, PromptID: r.Item.PromptID, Lang: r.Item.Lang, Ranks: a.Ranks, Strength: a.Strength,
		NoneAcceptable: a.NoneAcceptable, ShownOrder: a.Shown, Confidence: a.Confidence, Note: a.Note,
		Worker: a.Worker, WorkerFold: &fold, GuidelineVersion: a.Guideline, UIVersion: a.UIVersion, FormVersion: a.Form,
		DurationMS: &a.DurationMS, ActiveMS: positive(a.ActiveMS),
		AnsweredAt: a.Answered.Time().Format(time.RFC3339Nano), Split: promptSplit(p, r.Item.PromptID),
	}
	line, err := fieldsOf(ranked)
	if err != nil {
		return nil, err
	}
	line.Set("prompt", json.RawMessage(r.Item.Prompt))
	texts, err := completionLines(r.Completions)
	line.Set("completions", texts)
	if err != nil {
		return nil, err
	}
	if line, err = addDetails(line, *a); err != nil {
		return nil, err
	}
	return addRest(line, r.Item.Extra)
}

// addRest adds the item's own further members, which never replace the answer's.
func addRest(line prefs.Fields, extra string) (prefs.Fields, error) {
	var rest prefs.Fields
	if err := rest.UnmarshalJSON([]byte(orObject(extra))); err != nil {
		return nil, err
	}
	for _, f := range rest {
		if !slices.ContainsFunc(line, func(has prefs.Field) bool { return has.Name == f.Name }) {
			line = append(line, f)
		}
	}
	return line, nil
}

func positive(n int64) *int64 {
	if n <= 0 {
		return nil
	}
	return &n
}

// Folds and splits follow from hashes, so that they stay the same from export
// to export and no prompt is ever in both splits.
const (
	folds           = 5  // as in InstructGPT, labelers are held out a fifth at a time
	validationShare = 10 // one prompt in ten
)

// workerFold is the fold of labelers, 0…4, that a pseudonym is held out with.
func workerFold(p db.Project, worker string) int {
	return int(hashOf(p.Name, "worker", worker) % folds)
}

// promptSplit is "train" or "validation".
func promptSplit(p db.Project, promptID string) string {
	if hashOf(p.Name, "prompt", promptID)%validationShare == 0 {
		return "validation"
	}
	return "train"
}

func hashOf(parts ...string) uint64 {
	b, _ := json.Marshal(parts) // strings always marshal
	sum := sha256.Sum256(b)
	return binary.BigEndian.Uint64(sum[:])
}
