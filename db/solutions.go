package db

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"gorm.io/gorm"
)

// Solution is the researchers' key of a gold, practice or screening item, as
// Item.Solution holds it: what they answered, and why.
type Solution struct {
	Ranks          []*int   `json:"ranks,omitempty"` // by Completion.Pos; null: not ranked
	Strength       *float64 `json:"strength,omitempty"`
	NoneAcceptable bool     `json:"none_acceptable,omitempty"`
	Details        *Details `json:"details,omitempty"`     // ratings and flags, as Answer.Details
	Explanation    string   `json:"explanation,omitempty"` // Markdown, shown after practice only
	From           string   `json:"from,omitempty"`        // lease of the answer that became the key
}

// ParseSolution reads an item's key; an item without one has an empty key.
func (it Item) ParseSolution() (Solution, error) {
	var s Solution
	if it.Solution == "" {
		return s, nil
	}
	if err := json.Unmarshal([]byte(it.Solution), &s); err != nil {
		return s, fmt.Errorf("item %d: solution: %w", it.ID, err)
	}
	return s, nil
}

// SolutionOf is an answer as the key of its item.
func SolutionOf(a Answer, explanation string) (Solution, error) {
	d, err := a.ParseDetails()
	s := Solution{Ranks: a.Ranks, Strength: a.Strength, NoneAcceptable: a.NoneAcceptable, Explanation: explanation}
	if a.Details != "" {
		s.Details = &d
	}
	return s, err
}

// Agreement is a share of equal judgements among N. Without any, it is not a number.
type Agreement struct {
	Equal float64 // halves are possible
	N     int
}

// Share is Equal of N.
func (a Agreement) Share() float64 {
	if a.N == 0 {
		return math.NaN()
	}
	return a.Equal / float64(a.N)
}

func (a *Agreement) add(b Agreement) { a.Equal += b.Equal; a.N += b.N }

// RankAgreement compares a ranking with the key: of the pairs of completions
// that the key orders, how many are ordered the same way. A tie, or a
// completion left without a rank, counts as half. Pairs that the key ties or
// leaves out are not counted.
func (s Solution) RankAgreement(ranks []*int) Agreement {
	var a Agreement
	for i := range s.Ranks {
		for j := range i {
			if s.Ranks[i] == nil || s.Ranks[j] == nil || *s.Ranks[i] == *s.Ranks[j] || i >= len(ranks) {
				continue
			}
			a.N++
			switch {
			case ranks[i] == nil || ranks[j] == nil || *ranks[i] == *ranks[j]:
				a.Equal += .5
			case (*ranks[i] < *ranks[j]) == (*s.Ranks[i] < *s.Ranks[j]):
				a.Equal++
			}
		}
	}
	return a
}

// FlagAgreement compares flags with the key: of the flags that the key answers
// with yes or no, on a completion or on the prompt, how many were answered the
// same. One left unanswered is not the same.
func (s Solution) FlagAgreement(d Details) Agreement {
	var a Agreement
	if s.Details == nil {
		return a
	}
	a.add(sameFlags(s.Details.PromptFlags, s.Details.PromptFlagsNo, d.PromptFlags, d.PromptFlagsNo))
	for _, key := range s.Details.Ratings {
		var given Rated
		if i := slices.IndexFunc(d.Ratings, func(r Rated) bool { return r.ID == key.ID }); i >= 0 {
			given = d.Ratings[i]
		}
		a.add(sameFlags(key.Flags, key.FlagsNo, given.Flags, given.FlagsNo))
	}
	return a
}

func sameFlags(keyYes, keyNo, yes, no []string) Agreement {
	a := Agreement{N: len(keyYes) + len(keyNo)}
	for _, f := range keyYes {
		if slices.Contains(yes, f) {
			a.Equal++
		}
	}
	for _, f := range keyNo {
		if slices.Contains(no, f) {
			a.Equal++
		}
	}
	return a
}

// KeyPurposes are what an item with a solution can be for.
var KeyPurposes = []string{ForPractice, ForScreening, ForGold}

// SetKey gives an item a purpose. With own, the lead's own answer to the item
// becomes its key and is no work any more; else the item's key stays. Purpose
// ForWork makes it a task like others and keeps the key stored.
func (s *Store) SetKey(ctx context.Context, by, projectID, itemID int64, purpose string, own bool, explanation string) error {
	explanation = strings.TrimSpace(explanation)
	if purpose != ForWork && !slices.Contains(KeyPurposes, purpose) {
		return Invalid("purpose", "%q is none of %v", purpose, KeyPurposes)
	}
	if len(explanation) > 20_000 {
		return Invalid("explanation", "please keep it under 20,000 bytes")
	}
	return s.write(ctx, func(tx *gorm.DB) error {
		it, err := first[Item](tx.Where("id = ? AND project_id = ?", itemID, projectID))
		if err != nil {
			return err
		}
		key, err := it.ParseSolution()
		if err != nil {
			return err
		}
		if own {
			if key, err = takeKey(tx, by, it, purpose); err != nil {
				return err
			}
		}
		key.Explanation = explanation
		if purpose != ForWork && it.Kind == ItemRank && key.Empty() {
			return Invalid("solution", "answer the item yourself first, so that there is a key")
		}
		b, err := json.Marshal(key)
		if err != nil {
			return err
		}
		if err := tx.Model(&it).Updates(map[string]any{"purpose": purpose, "solution": string(b), "closed": false}).Error; err != nil {
			return err
		}
		if err := audit(tx, s.Now(), by, "item.key", fmt.Sprintf("item:%d", it.ID),
			map[string]any{"purpose_before": it.Purpose, "purpose": purpose, "own_answer": own}); err != nil {
			return err
		}
		return s.advanceAll(tx, projectID)
	})
}

// takeKey turns a lead's own answer into the key.
func takeKey(tx *gorm.DB, by int64, it Item, purpose string) (Solution, error) {
	a, err := first[Answer](tx.Where("item_id = ? AND user_id = ? AND state = ?", it.ID, by, AnswerActive))
	if errors.Is(err, ErrNotFound) {
		return Solution{}, Invalid("solution", "answer the item yourself first, so that there is a key")
	}
	if err != nil {
		return Solution{}, err
	}
	if err := tx.Model(&a).Update("purpose", purpose).Error; err != nil {
		return Solution{}, err
	}
	key, err := SolutionOf(a, "")
	key.From = a.LeaseID
	return key, err
}

// OpenItem hands a given item to somebody who runs the project, to answer it
// or to change their answer to it, whatever others did with it.
func (s *Store) OpenItem(ctx context.Context, projectID, itemID, userID int64) (Task, error) {
	var t Task
	err := s.write(ctx, func(tx *gorm.DB) error {
		p, err := first[Project](tx.Where("id = ?", projectID))
		if err != nil {
			return err
		}
		it, err := first[Item](tx.Where("id = ? AND project_id = ?", itemID, projectID))
		if err != nil {
			return err
		}
		if it.Kind != ItemRank && it.Kind != ItemPrompt {
			return Invalid("item", "a %s item is not answered by anybody", it.Kind)
		}
		if _, err := s.member(tx, projectID, userID); err != nil {
			return err
		}
		l, err := s.openFor(tx, p, it, userID)
		if err != nil {
			return err
		}
		t, err = s.task(tx, p, l)
		return err
	})
	return t, err
}

// openFor opens a person's lease of an item again, or takes one.
func (s *Store) openFor(tx *gorm.DB, p Project, it Item, userID int64) (Lease, error) {
	l, err := first[Lease](tx.Where("item_id = ? AND user_id = ?", it.ID, userID))
	switch {
	case errors.Is(err, ErrNotFound):
		return s.take(tx, p, it.ID, userID)
	case err != nil:
		return l, err
	case l.State == LeaseOpen:
		return l, nil
	case l.State == LeaseAnswered: // the answer stays until the next one replaces it
		l.Closed = s.Now()
		return l, tx.Save(&l).Error
	}
	if l.Slot, err = freeSlot(tx, it.ID); err != nil {
		return l, err
	}
	l.State, l.Closed, l.Expires, l.Reason, l.Comment, l.Taken = LeaseOpen, 0, s.leaseEnd(p), "", "", s.Now()
	if err := tx.Save(&l).Error; err != nil {
		return l, err
	}
	return l, s.addTaken(tx, it.ID, 1)
}

// KeyItem is an item with a purpose, for its lead.
type KeyItem struct {
	Item
	Mine    bool  // the lead has an answer to it that can become the key
	Answers int64 // by others
}

// KeyItems lists the items of a project that are for practice, screening or
// gold, by purpose.
func (s *Store) KeyItems(ctx context.Context, projectID, userID int64) ([]KeyItem, error) {
	var rows []KeyItem
	err := s.read(ctx).Raw(`SELECT i.*,
		EXISTS (SELECT 1 FROM answers a WHERE a.item_id = i.id AND a.user_id = ? AND a.state = 'active') AS mine,
		(SELECT count(*) FROM answers a WHERE a.item_id = i.id AND a.user_id <> ? AND a.state = 'active') AS answers
		FROM items i WHERE i.project_id = ? AND i.purpose IN ('practice', 'screening', 'gold') ORDER BY i.purpose, i.id`,
		userID, userID, projectID).Scan(&rows).Error
	return rows, explain(err)
}

// Practised is a practice item that a labeler answered, with its key.
type Practised struct {
	Project     Project
	Item        Item
	Completions []Completion // by Pos
	Answer      Answer
	Key         Solution
}

// Practised returns it to the labeler who answered, and to nobody before.
// Every other lease is ErrNotFound.
func (s *Store) Practised(ctx context.Context, userID int64, leaseID string) (Practised, error) {
	var r Practised
	err := s.snapshot(ctx, func(tx *gorm.DB) error {
		l, err := first[Lease](tx.Where("id = ? AND user_id = ? AND state = ?", leaseID, userID, LeaseAnswered))
		if err != nil {
			return err
		}
		if r.Item, err = first[Item](tx.Where("id = ? AND purpose = ?", l.ItemID, ForPractice)); err != nil {
			return err
		}
		if r.Answer, err = first[Answer](tx.Where("item_id = ? AND user_id = ? AND state = ?", l.ItemID, userID, AnswerActive)); err != nil {
			return err
		}
		if r.Project, err = first[Project](tx.Where("id = ?", r.Item.ProjectID)); err != nil {
			return err
		}
		if r.Completions, err = all[Completion](tx.Where("item_id = ?", l.ItemID).Order("pos")); err != nil {
			return err
		}
		r.Key, err = r.Item.ParseSolution()
		return err
	})
	return r, err
}

// Empty tells whether there is no answer in a key.
func (s Solution) Empty() bool {
	return s.Ranks == nil && s.Strength == nil && !s.NoneAcceptable && s.Details == nil
}

// FindItem finds an item of a project by its number, its prompt id or words of its prompt.
func (s *Store) FindItem(ctx context.Context, projectID int64, what string) (int64, error) {
	q := s.read(ctx).Where("project_id = ? AND prompt_id = ?", projectID, what)
	if n, err := strconv.ParseInt(what, 10, 64); err == nil {
		q = s.read(ctx).Where("project_id = ? AND (prompt_id = ? OR id = ?)", projectID, what, n)
	}
	it, err := first[Item](q.Order("id"))
	if errors.Is(err, ErrNotFound) && what != "" {
		words := "%" + likeText(strings.Trim(jsonText(what), `"`)) + "%"
		it, err = first[Item](s.read(ctx).Where(`project_id = ? AND lower(prompt) LIKE lower(?) ESCAPE '\'`, projectID, words).Order("id"))
	}
	return it.ID, err
}

// checkKey refuses an imported item whose purpose or solution could not be used.
func (in *NewItem) checkKey() error {
	switch {
	case in.Purpose == ForWork && in.Solution == "":
		return nil
	case !slices.Contains(KeyPurposes, in.Purpose):
		return Invalid("purpose", "%q is none of %v", in.Purpose, KeyPurposes)
	case in.Answer != nil:
		return Invalid("purpose", "an item that comes with a judgement cannot be for %s", in.Purpose)
	}
	key, err := Item{Solution: in.Solution}.ParseSolution()
	if err != nil {
		return Invalid("solution", "is not an object with ranks, details and explanation: %v", errors.Unwrap(err))
	}
	if in.Kind == ItemRank && key.Empty() {
		return Invalid("solution", "is missing; an item for %s needs the researchers' answer", in.Purpose)
	}
	if key.Ranks != nil && len(key.Ranks) != len(in.Completions) {
		return Invalid("solution", "%d ranks for %d completions", len(key.Ranks), len(in.Completions))
	}
	for _, r := range key.Ranks {
		if r != nil && (*r < 1 || *r > len(in.Completions)) {
			return Invalid("solution", "rank %d is not between 1 and %d", *r, len(in.Completions))
		}
	}
	return nil
}
