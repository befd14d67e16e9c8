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
	"os"
	"slices"
	"strings"
	"time"

	"agora/db"
	"agora/labeler/raking"
	"agora/reward/prefs"
)

// errNothing means that a project holds nothing of what a format is made of.
var errNothing = errors.New("nothing to export")

// exportRecords yields a project's records for a format, in the order of their
// files, then in the order the site's answers were given.
func exportRecords(ctx context.Context, store *db.Store, p db.Project, format prefs.Format) iter.Seq2[prefs.Record, error] {
	return (&dataOut{Project: p, Format: format}).records(ctx, store)
}

// dataOut is what of a project goes out as a file, and what is noted on the way.
type dataOut struct {
	Project  db.Project
	Format   prefs.Format
	Licence  string
	Lang     string    // "": all languages
	From, To db.Millis // when answered, To not included
	Complete bool      // only items that have all their answers
	Progress func(records int)

	workers map[string]int64 // pseudonyms of those whose judgements or texts went out → how many
}

// records yields the records. Each goes through its own line, so that an export
// holds exactly what reading it gives back.
func (d *dataOut) records(ctx context.Context, store *db.Store) iter.Seq2[prefs.Record, error] {
	return func(yield func(prefs.Record, error) bool) {
		out, in := io.Pipe()
		done := make(chan struct{})
		go func() {
			defer close(done)
			in.CloseWithError(d.writeLines(ctx, store, in))
		}()
		defer func() { <-done }()
		defer out.Close()
		for r, err := range prefs.Decode(out, "project "+d.Project.Name, ownFormat(d.Format)) {
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
func (d *dataOut) writeLines(ctx context.Context, store *db.Store, w io.Writer) error {
	people, err := store.ExportPeople(ctx, d.Project.ID)
	if err != nil {
		return err
	}
	weights, err := raking.ForExport(ctx, store, d.Project, people)
	if err != nil {
		return err
	}
	n := 0
	d.workers = map[string]int64{}
	rows := db.Export{ProjectID: d.Project.ID, Items: itemKind(d.Format), Lang: d.Lang, From: d.From, To: d.To, Complete: d.Complete}
	err = store.EachRecord(ctx, rows, func(r db.Record) error {
		line, err := lineOf(d.Project, r)
		if err != nil {
			return err
		}
		if r.Answer != nil && r.Answer.UserID != 0 {
			addPerson(&line, people[r.Answer.Worker])
			weights.Add(&line, r.Answer.Worker)
		}
		d.workers[workerOf(r)]++
		if n++; d.Progress != nil && n%1000 == 0 {
			d.Progress(n)
		}
		b, err := line.MarshalJSON()
		if err != nil {
			return err
		}
		_, err = w.Write(append(b, '\n'))
		return err
	})
	delete(d.workers, "")
	if err == nil && n == 0 {
		return fmt.Errorf("%w as %s", errNothing, d.Format)
	}
	return err
}

// workerOf is the pseudonym of whose work a record is, "" for nobody's.
func workerOf(r db.Record) string {
	if r.Answer != nil {
		return r.Answer.Worker
	}
	return r.Item.Contributor()
}

// addPerson adds what a labeler agreed to, and their groups where that covers them.
func addPerson(line *prefs.Fields, p db.ExportPerson) {
	if p.Consent != "" {
		line.Set("consent", quote(p.Consent))
	}
	if len(p.Groups) > 0 {
		b, _ := json.Marshal(p.Groups) // texts and nulls always marshal
		line.Set("groups", b)
	}
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
func (d *dataOut) about(ctx context.Context, store *db.Store) (prefs.About, error) {
	a := prefs.About{Licence: d.Licence, Filters: d.filters()}
	imports, err := store.Imports(ctx, d.Project.ID)
	if err != nil {
		return a, err
	}
	for _, imp := range imports {
		a.Parents = append(a.Parents, prefs.Parent{Name: imp.File, SHA256: imp.SHA256})
	}
	if a.Weights, err = raking.Card(ctx, store, d.Project); err != nil {
		return a, err
	}
	left, err := store.LeftOut(ctx, d.Project.ID)
	if left != (db.LeftOut{}) {
		a.LeftOut = &prefs.LeftOut{WithdrawnPeople: int(left.WithdrawnPeople), WithdrawnAnswers: int(left.WithdrawnAnswers),
			Excluded: int(left.Excluded), Returned: int(left.Returned)}
	}
	return a, err
}

// filters are the limits of the export in words.
func (d *dataOut) filters() []string {
	list := []string{"answers that their labeler took back or replaced are left out", "answers to practice, screening, known and repeated items are left out"}
	day := func(m db.Millis) string { return m.Time().Format(time.DateOnly) }
	if d.Lang != "" {
		list = append(list, "only items in the language "+d.Lang)
	}
	if d.From != 0 {
		list = append(list, "only answers from "+day(d.From)+" (UTC) on")
	}
	if d.To != 0 {
		list = append(list, "only answers up to "+day(d.To-1)+" (UTC)")
	}
	if d.Complete {
		list = append(list, "only items that have all the answers asked for")
	}
	return list
}

// write writes the file and its cards, and registers the file as made from the
// people whose answers are in it. by is who asked, 0: the command line.
func (d *dataOut) write(ctx context.Context, store *db.Store, path string, by int64) (*prefs.Card, error) {
	about, err := d.about(ctx, store)
	if err != nil {
		return nil, err
	}
	card, err := prefs.Write(path, d.Format, d.records(ctx, store), about)
	if err != nil {
		return nil, err
	}
	if err := d.writeText(path, card); err != nil {
		return nil, err
	}
	made := db.NewArtefact{Workers: d.workers, Artefact: db.Artefact{SHA256: card.SHA256, Kind: db.ArtefactExport, ProjectID: d.Project.ID,
		Name: card.File, Format: string(d.Format), Rows: int64(card.Rows), CreatedBy: by}}
	if _, err := store.RegisterArtefact(ctx, made); err != nil {
		return nil, fmt.Errorf("register %s: %w", card.File, err)
	}
	return card, store.Log(ctx, by, "export", fmt.Sprintf("project:%d", d.Project.ID),
		map[string]any{"file": card.File, "format": d.Format, "rows": card.Rows, "sha256": card.SHA256})
}

// writeText writes the card for people beside a file.
func (d *dataOut) writeText(path string, card *prefs.Card) error {
	return os.WriteFile(cardTextPath(path), []byte(card.Markdown(d.Project.Title+": "+string(d.Format))), 0o644)
}

// writeCards writes the cards of an export whose rows nobody gets: nothing goes out that a
// withdrawal would have to name.
func (d *dataOut) writeCards(ctx context.Context, store *db.Store, path string) error {
	about, err := d.about(ctx, store)
	if err != nil {
		return err
	}
	card, err := prefs.Write(path, d.Format, d.records(ctx, store), about)
	if err != nil {
		return err
	}
	return errors.Join(d.writeText(path, card), os.Remove(path))
}

// cardTextPath is where the card for people lies: pairs.jsonl.gz has pairs.card.md.
func cardTextPath(path string) string {
	return strings.TrimSuffix(prefs.CardPath(path), ".json") + ".md"
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
