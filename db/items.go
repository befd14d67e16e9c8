package db

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"gorm.io/gorm"
)

// NewItem is a prompt with completions on its way into a project.
type NewItem struct {
	Kind        string // ItemRank, ItemPrompt or ItemDemo; empty: ItemRank
	PromptID    string
	Prompt      []Message // or PromptJSON
	PromptJSON  string    // JSON list of messages or a JSON string, kept verbatim; wins over Prompt
	Lang        string
	Priority    int
	Extra       string // JSON object or empty
	Line        int    // in its file, from 1
	Queue       bool   // hand it out to labelers
	Completions []NewCompletion
	Answer      *NewAnswer // judgement that came with it, or nil
}

// NewCompletion is one text of a NewItem.
type NewCompletion struct {
	ExtID  string // empty: c1, c2, …
	Text   string
	Policy string // who wrote it; hidden from labelers
	Extra  string // JSON object or empty
}

// NewAnswer is an imported judgement. Fields as in Answer.
type NewAnswer struct {
	Worker         string
	Ranks          []*int // one per completion
	Strength       *float64
	NoneAcceptable bool
	Confidence     *float64
	Note           string
	Shown          []string
	DurationMS     int64
	ActiveMS       int64
	Guideline      string
	UIVersion      string
	Extra          string // JSON object: whatever else the record holds, verbatim
	Answered       Millis // 0: not known
}

// ImportBatch adds the rows that next yields, in order, as one import in one
// transaction: all or nothing; the import's counts are filled in. next returns false after the last row; its
// error ends the import. Items equal to one the project has are not doubled,
// their answers join the existing item. Importing the same bytes twice into a
// project is refused, so that no judgement counts double.
func (s *Store) ImportBatch(ctx context.Context, imp Import, next func() (NewItem, bool, error)) (Import, error) {
	imp.Created = s.Now()
	err := s.write(ctx, func(tx *gorm.DB) error {
		p, err := first[Project](tx.Where("id = ?", imp.ProjectID))
		if err != nil {
			return err
		}
		if err := refuseTwice(tx, imp); err != nil {
			return err
		}
		if err := tx.Create(&imp).Error; err != nil {
			return fmt.Errorf("create import: %w", err)
		}
		for {
			it, ok, err := next()
			if err != nil {
				return err
			}
			if !ok {
				break
			}
			if err := s.importRow(tx, p, &imp, it); err != nil {
				return err
			}
		}
		if err := audit(tx, s.Now(), imp.CreatedBy, "import", fmt.Sprintf("project:%d", imp.ProjectID),
			map[string]any{"file": imp.File, "format": imp.Format, "sha256": imp.SHA256, "rows": imp.Rows}); err != nil {
			return err
		}
		return tx.Save(&imp).Error
	})
	return imp, err
}

// AddItems imports rows that are already in memory, such as a run's samples to
// be ranked, and hands them out. file names their origin.
func (s *Store) AddItems(ctx context.Context, projectID, by int64, file string, items []NewItem) (Import, error) {
	b, err := json.Marshal(items)
	if err != nil {
		return Import{}, err
	}
	sum := sha256.Sum256(b)
	imp := Import{ProjectID: projectID, File: file, Format: "items", SHA256: hex.EncodeToString(sum[:]), CreatedBy: by}
	i := 0
	return s.ImportBatch(ctx, imp, func() (NewItem, bool, error) {
		if i == len(items) {
			return NewItem{}, false, nil
		}
		it := items[i]
		i++
		it.Line, it.Queue = i, true
		return it, true, nil
	})
}

// refuseTwice finds an earlier import of the same bytes.
func refuseTwice(tx *gorm.DB, imp Import) error {
	old, err := first[Import](tx.Where("project_id = ? AND sha256 = ?", imp.ProjectID, imp.SHA256))
	switch {
	case errors.Is(err, ErrNotFound):
		return nil
	case err != nil:
		return err
	}
	return fmt.Errorf("%w (import %d, %s)", ErrImportedTwice, old.ID, old.File)
}

// ErrImportedTwice means that a project has a file's very bytes already.
var ErrImportedTwice = errors.New("this file was imported into this project before")

// importRow stores one row: its item unless the project has it, and its answer.
func (s *Store) importRow(tx *gorm.DB, p Project, imp *Import, in NewItem) error {
	imp.Rows++
	if in.Line == 0 {
		in.Line = imp.Rows
	}
	if err := in.fill(p); err != nil {
		return fmt.Errorf("line %d: %w", in.Line, err)
	}
	it, isNew, err := s.putItem(tx, imp, in)
	if err != nil {
		return fmt.Errorf("line %d: %w", in.Line, err)
	}
	if isNew {
		imp.Items++
	}
	if in.Answer == nil {
		return nil
	}
	imp.Answers++
	return tx.Create(in.Answer.row(it, imp.ID, in.Line)).Error
}

// fill checks a row and sets its defaults.
func (in *NewItem) fill(p Project) error {
	if in.Kind == "" {
		in.Kind = ItemRank
	}
	if in.PromptJSON == "" {
		b, err := json.Marshal(in.Prompt)
		if err != nil {
			return err
		}
		in.PromptJSON = string(b)
	}
	switch n := len(in.Completions); {
	case in.Kind != ItemRank:
	case n < 2:
		return invalid("completions", "a ranking needs 2 or more, got %d", n)
	case in.Queue && n > 9:
		return invalid("completions", "labelers rank at most 9, got %d", n)
	case in.Queue && p.Kind == KindPairwise && n != 2:
		return invalid("completions", "project %s compares 2, got %d", p.Name, n)
	}
	for i := range in.Completions {
		if c := &in.Completions[i]; c.ExtID == "" {
			c.ExtID = fmt.Sprintf("c%d", i+1)
		}
	}
	if a := in.Answer; a != nil && len(a.Ranks) != len(in.Completions) {
		return invalid("ranks", "%d ranks for %d completions", len(a.Ranks), len(in.Completions))
	}
	return nil
}

// hash identifies an item by everything that a labeler or an export would see of it.
func (in NewItem) hash() (string, error) {
	b, err := json.Marshal([]any{in.Kind, in.PromptID, in.PromptJSON, in.Lang, in.Extra, in.Completions})
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), err
}

// putItem finds an equal item of the project or stores a new one.
// Every row of a prompt or demonstration is its own item.
func (s *Store) putItem(tx *gorm.DB, imp *Import, in NewItem) (Item, bool, error) {
	hash, err := in.hash()
	if err != nil {
		return Item{}, false, err
	}
	if in.Kind != ItemRank {
		hash = fmt.Sprintf("%s:%d:%d", hash, imp.ID, in.Line)
	}
	it, err := first[Item](tx.Where("project_id = ? AND hash = ?", imp.ProjectID, hash))
	if err == nil && it.Closed && in.Queue {
		err = tx.Model(&it).Update("closed", false).Error
	}
	if !errors.Is(err, ErrNotFound) {
		return it, false, err
	}
	it = Item{ProjectID: imp.ProjectID, ImportID: imp.ID, Line: in.Line, Kind: in.Kind, Hash: hash, PromptID: in.PromptID,
		Prompt: in.PromptJSON, Lang: in.Lang, Extra: in.Extra, Priority: in.Priority, K: len(in.Completions), Created: s.Now(),
		Closed: !in.Queue}
	if err := tx.Create(&it).Error; err != nil {
		return it, true, err
	}
	cs := make([]Completion, len(in.Completions))
	for i, c := range in.Completions {
		cs[i] = Completion{ItemID: it.ID, Pos: i, Key: rand.Text()[:8], ExtID: c.ExtID, Text: c.Text, Policy: c.Policy, Extra: c.Extra}
	}
	if len(cs) == 0 {
		return it, true, nil
	}
	return it, true, tx.Create(&cs).Error
}

// row makes the stored form of an imported judgement.
func (a *NewAnswer) row(it Item, importID int64, line int) *Answer {
	return &Answer{ProjectID: it.ProjectID, ItemID: it.ID, ImportID: importID, Line: line, Worker: a.Worker, State: AnswerActive,
		Ranks: a.Ranks, Strength: a.Strength, NoneAcceptable: a.NoneAcceptable, Confidence: a.Confidence, Note: a.Note,
		Shown: append([]string{}, a.Shown...), DurationMS: a.DurationMS, ActiveMS: a.ActiveMS, Guideline: a.Guideline, UIVersion: a.UIVersion,
		Extra: a.Extra, Answered: a.Answered}
}

// Imports lists a project's imports, oldest first.
func (s *Store) Imports(ctx context.Context, projectID int64) ([]Import, error) {
	return all[Import](s.read(ctx).Where("project_id = ?", projectID).Order("id"))
}

// SetQueued hands an import's items out (true) or holds them back (false).
// Items that came with judgements are held back at first.
func (s *Store) SetQueued(ctx context.Context, importID int64, queued bool) error {
	return s.write(ctx, func(tx *gorm.DB) error {
		return tx.Model(&Item{}).Where("import_id = ? AND k <= 9", importID).Update("closed", !queued).Error
	})
}

// ItemRow is a line of the lead's list of items.
type ItemRow struct {
	Item
	Answers int64 // active, imported ones included
	Skips   int64
}

// Items lists a project's items by id, limit at a time from offset.
func (s *Store) Items(ctx context.Context, projectID int64, offset, limit int) ([]ItemRow, error) {
	var rows []ItemRow
	err := s.read(ctx).Raw(`SELECT i.*,
		(SELECT count(*) FROM answers a WHERE a.item_id = i.id AND a.state = 'active') AS answers,
		(SELECT count(*) FROM leases l WHERE l.item_id = i.id AND l.state = 'skipped') AS skips
		FROM items i WHERE i.project_id = ? ORDER BY i.id LIMIT ? OFFSET ?`, projectID, limit, offset).Scan(&rows).Error
	return rows, explain(err)
}

// ItemDetail is an item with its texts, policies and judgements. Not for labelers.
type ItemDetail struct {
	Item        Item
	Completions []Completion
	Answers     []Answer // all states, oldest first
}

// ItemDetail loads one item of a project.
func (s *Store) ItemDetail(ctx context.Context, projectID, itemID int64) (ItemDetail, error) {
	var d ItemDetail
	err := s.snapshot(ctx, func(tx *gorm.DB) (err error) {
		if d.Item, err = first[Item](tx.Where("id = ? AND project_id = ?", itemID, projectID)); err != nil {
			return err
		}
		if d.Completions, err = all[Completion](tx.Where("item_id = ?", itemID).Order("pos")); err != nil {
			return err
		}
		d.Answers, err = all[Answer](tx.Where("item_id = ?", itemID).Order("id"))
		return err
	})
	return d, err
}
