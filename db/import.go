package db

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	mrand "math/rand/v2"

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
	AuthorID    int64      `json:",omitzero"` // user who wrote the prompt on the site
	Purpose     string     `json:",omitzero"` // ForPractice, ForScreening or ForGold: an item with a known answer
	Solution    string     `json:",omitzero"` // JSON of its Solution
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
	Form           string
	Details        string // as in Answer: what Extra says of ratings and flags, for statistics
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
		if err := s.importAll(tx, p, &imp, next); err != nil {
			return err
		}
		// who withdrew before stays out, also when their answers come in again
		err = tx.Exec("UPDATE answers SET state = ? WHERE import_id = ? AND worker IN (SELECT worker FROM withdrawals WHERE project_id = ?)",
			AnswerWithdrawn, imp.ID, imp.ProjectID).Error
		if err != nil {
			return err
		}
		if err := s.enqueue(tx, p, imp.ID); err != nil {
			return err
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

// importChunk is how many rows are stored together.
const importChunk = 200

// importAll stores the rows in chunks, in order.
func (s *Store) importAll(tx *gorm.DB, p Project, imp *Import, next func() (NewItem, bool, error)) error {
	form, err := newestForm(tx, p.ID)
	if err != nil {
		return err
	}
	var rows []NewItem
	for {
		in, ok, err := next()
		if err != nil {
			return err
		}
		if ok {
			imp.Rows++
			if in.Line == 0 {
				in.Line = imp.Rows
			}
			for _, one := range in.split(p) {
				if err := one.fill(p, form.Body); err != nil {
					return fmt.Errorf("row %d: %w", in.Line, err)
				}
				rows = append(rows, one)
			}
		}
		if len(rows) >= importChunk || !ok {
			if err := s.importRows(tx, imp, rows); err != nil {
				return err
			}
			rows = rows[:0]
		}
		if !ok {
			return nil
		}
	}
}

// importRows stores some rows: the items that the project does not have, and all answers.
func (s *Store) importRows(tx *gorm.DB, imp *Import, rows []NewItem) error {
	hashes := make([]string, len(rows))
	for i, in := range rows {
		var err error
		if hashes[i], err = in.hash(imp.ID); err != nil {
			return err
		}
	}
	items, err := s.putItems(tx, imp, rows, hashes)
	if err != nil {
		return err
	}
	if err := putContent(tx, items, rows, hashes); err != nil {
		return err
	}
	var answers []*Answer
	for i, in := range rows {
		if in.Answer != nil {
			answers = append(answers, in.Answer.row(items[hashes[i]], imp.ID, in.Line))
		}
	}
	imp.Answers += len(answers)
	if len(answers) == 0 {
		return nil
	}
	return tx.Create(&answers).Error
}

// split gives a project that judges completions one by one an item for each.
func (in NewItem) split(p Project) []NewItem {
	if p.Kind != KindRating || !in.Queue || in.Answer != nil || len(in.Completions) < 2 {
		return []NewItem{in}
	}
	list := make([]NewItem, len(in.Completions))
	for i, c := range in.Completions {
		if c.ExtID == "" {
			c.ExtID = fmt.Sprintf("c%d", i+1)
		}
		list[i] = in
		list[i].Completions = []NewCompletion{c}
	}
	return list
}

// fill checks a row and sets its defaults. What a prompt-writing project hands out is a brief.
func (in *NewItem) fill(p Project, form Form) error {
	if in.Kind == "" {
		in.Kind = ItemRank
	}
	if in.Kind == ItemPrompt && p.Kind == KindPrompt {
		in.Kind = ItemBrief
	}
	if in.PromptJSON == "" {
		b, err := json.Marshal(in.Prompt)
		if err != nil {
			return err
		}
		in.PromptJSON = string(b)
	}
	if in.PromptID == "" {
		in.PromptID = promptID(in.PromptJSON)
	}
	switch n := len(in.Completions); {
	case in.Kind != ItemRank:
	case n == 1 && (p.Kind == KindRating || in.Answer != nil && !in.Queue): // judged by itself
	case n < 2:
		return Invalid("completions", "a ranking needs 2 or more, got %d", n)
	case in.Queue && n > 9:
		return Invalid("completions", "labelers rank at most 9, got %d", n)
	case in.Queue && p.Kind == KindRating:
		return Invalid("completions", "project %s judges 1 at a time, got %d", p.Name, n)
	case in.Queue && p.Kind == KindRank && (n < form.MinK || n > form.MaxK):
		return Invalid("completions", "the form of project %s has %d to %d, got %d", p.Name, form.MinK, form.MaxK, n)
	case in.Queue && p.Kind == KindPairwise && n != 2:
		return Invalid("completions", "project %s compares 2, got %d", p.Name, n)
	}
	for i := range in.Completions {
		if c := &in.Completions[i]; c.ExtID == "" {
			c.ExtID = fmt.Sprintf("c%d", i+1)
		}
	}
	if a := in.Answer; a != nil && len(a.Ranks) != len(in.Completions) {
		return Invalid("ranks", "%d ranks for %d completions", len(a.Ranks), len(in.Completions))
	}
	return in.checkKey()
}

// promptID names a prompt that came without an id: equal prompts, equal ids.
func promptID(promptJSON string) string {
	sum := sha256.Sum256([]byte(promptJSON))
	return "p-" + hex.EncodeToString(sum[:6])
}

// hash identifies an item by everything that a labeler or an export would see
// of it. Every row of a prompt or demonstration is its own item.
func (in NewItem) hash(importID int64) (string, error) {
	parts := []any{in.Kind, in.PromptID, in.PromptJSON, in.Lang, in.Extra, in.Completions}
	if in.Purpose != ForWork {
		parts = append(parts, in.Purpose, in.Solution)
	}
	b, err := json.Marshal(parts)
	sum := sha256.Sum256(b)
	hash := hex.EncodeToString(sum[:])
	if in.Kind != ItemRank {
		hash = fmt.Sprintf("%s:%d:%d", hash, importID, in.Line)
	}
	return hash, err
}

// putItems returns the items of some rows by hash, after storing those that the
// project does not have yet.
func (s *Store) putItems(tx *gorm.DB, imp *Import, rows []NewItem, hashes []string) (map[string]Item, error) {
	items, err := itemsByHash(tx, imp.ProjectID, hashes)
	if err != nil {
		return nil, err
	}
	var reopen []int64
	fresh, texts := []Item{}, map[string][]NewCompletion{}
	for i, in := range rows {
		it, known := items[hashes[i]]
		switch {
		case known && it.Closed && in.Queue:
			reopen = append(reopen, it.ID)
		case known || texts[hashes[i]] != nil:
		default:
			texts[hashes[i]] = append([]NewCompletion{}, in.Completions...)
			fresh = append(fresh, Item{ProjectID: imp.ProjectID, ImportID: imp.ID, Line: in.Line, Kind: in.Kind, Hash: hashes[i],
				PromptID: in.PromptID, Prompt: in.PromptJSON, Lang: in.Lang, Extra: in.Extra, Priority: in.Priority,
				K: len(in.Completions), AuthorID: in.AuthorID, Purpose: in.Purpose, Solution: in.Solution, Created: s.Now(), Closed: !in.Queue, Shuffle: mrand.Float64()})
		}
	}
	if err := tx.Model(&Item{}).Where("id IN ?", reopen).Update("closed", false).Error; err != nil {
		return nil, err
	}
	if len(fresh) == 0 {
		return items, nil
	}
	imp.Items += len(fresh)
	if err := tx.Create(&fresh).Error; err != nil {
		return nil, err
	}
	if items, err = itemsByHash(tx, imp.ProjectID, hashes); err != nil {
		return nil, err
	}
	return items, putCompletions(tx, items, texts)
}

func itemsByHash(tx *gorm.DB, projectID int64, hashes []string) (map[string]Item, error) {
	items, err := all[Item](tx.Where("project_id = ? AND hash IN ?", projectID, hashes))
	m := make(map[string]Item, len(items))
	for _, it := range items {
		m[it.Hash] = it
	}
	return m, err
}

// putCompletions stores the texts of new items, given by the items' hashes.
func putCompletions(tx *gorm.DB, items map[string]Item, texts map[string][]NewCompletion) error {
	var rows []Completion
	for hash, cs := range texts {
		for pos, c := range cs {
			rows = append(rows, Completion{ItemID: items[hash].ID, Pos: pos, Key: rand.Text()[:8],
				ExtID: c.ExtID, Text: c.Text, Policy: c.Policy, Extra: c.Extra})
		}
	}
	if len(rows) == 0 {
		return nil
	}
	return tx.CreateInBatches(&rows, 500).Error
}

// row makes the stored form of an imported judgement.
func (a *NewAnswer) row(it Item, importID int64, line int) *Answer {
	return &Answer{ProjectID: it.ProjectID, ItemID: it.ID, ImportID: importID, Line: line, Worker: a.Worker, State: AnswerActive,
		Ranks: a.Ranks, Strength: a.Strength, NoneAcceptable: a.NoneAcceptable, Confidence: a.Confidence, Note: a.Note,
		Shown: append([]string{}, a.Shown...), DurationMS: a.DurationMS, ActiveMS: a.ActiveMS, Guideline: a.Guideline, UIVersion: a.UIVersion,
		Form: a.Form, Details: a.Details, Extra: a.Extra, Answered: a.Answered}
}
