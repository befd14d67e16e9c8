package db

import (
	"context"
	"encoding/json"

	"gorm.io/gorm"
)

// eachWritten yields the items of a kind that labelers wrote: demonstrations
// are answers to prompts, and prompts are answers to briefs. They are not
// stored a second time, so that an answer taken back, excluded or withdrawn
// takes its text along.
func eachWritten(tx *gorm.DB, e Export, fn func(Record) error) error {
	switch e.Items {
	case ItemDemo:
		return eachAnswer(tx, e, ItemPrompt, func(r Record) error {
			w, err := r.written()
			if err != nil || w == nil {
				return err
			}
			r.Item.Kind = ItemDemo
			r.Completions = []Completion{{ItemID: r.Item.ID, ExtID: "c1", Text: w.Text, Policy: "demo", AuthorID: r.Answer.UserID}}
			return fn(r)
		})
	case ItemPrompt:
		return eachAnswer(tx, e, ItemBrief, func(r Record) error {
			w, err := r.written()
			if err != nil || w == nil {
				return err
			}
			b, err := json.Marshal(w.Messages())
			if err != nil {
				return err
			}
			r.Item.Kind, r.Item.Prompt, r.Item.PromptID = ItemPrompt, string(b), promptID(string(b))
			r.Item.Extra, r.Item.AuthorID, r.Completions = "", r.Answer.UserID, nil
			return fn(r)
		})
	}
	return nil
}

// written is the text of an answer, nil when it has none.
func (r Record) written() (*Written, error) {
	d, err := r.Answer.ParseDetails()
	return d.Written, err
}

// PassOn copies the prompts that labelers wrote in one project into another,
// to be answered or ranked there. Nobody is handed a prompt they wrote. A
// prompt that was passed on before is not doubled.
func (s *Store) PassOn(ctx context.Context, by, from, to int64) (Import, error) {
	var items []NewItem
	err := s.EachRecord(ctx, Export{ProjectID: from, Items: ItemPrompt}, func(r Record) error {
		if r.Answer != nil {
			items = append(items, NewItem{Kind: ItemPrompt, PromptID: r.Item.PromptID, PromptJSON: r.Item.Prompt, Lang: r.Item.Lang, AuthorID: r.Item.AuthorID})
		}
		return nil
	})
	if err != nil {
		return Import{}, err
	}
	known, err := s.promptIDs(ctx, to)
	if err != nil {
		return Import{}, err
	}
	fresh := items[:0]
	for _, it := range items {
		if !known[it.PromptID] {
			known[it.PromptID] = true
			fresh = append(fresh, it)
		}
	}
	if len(fresh) == 0 {
		return Import{}, ErrNothingNew
	}
	p, err := s.Project(ctx, from)
	if err != nil {
		return Import{}, err
	}
	return s.AddItems(ctx, to, by, "written in "+p.Name, fresh)
}

// promptIDs are the ids of a project's stand-alone prompts.
func (s *Store) promptIDs(ctx context.Context, projectID int64) (map[string]bool, error) {
	var ids []string
	err := s.read(ctx).Model(&Item{}).Where("project_id = ? AND kind = ?", projectID, ItemPrompt).Pluck("prompt_id", &ids).Error
	known := make(map[string]bool, len(ids))
	for _, id := range ids {
		known[id] = true
	}
	return known, explain(err)
}
