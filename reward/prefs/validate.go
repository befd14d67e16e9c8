package prefs

import (
	"fmt"
	"math"
	"time"
)

// Validate checks what the JSON types alone do not say: matching lengths, known
// and unique ids, ranges.
func (r *Ranked) Validate() error {
	if r.PromptID == "" {
		return fieldErrorf("prompt_id", "is missing")
	}
	if len(r.Completions) < 2 && !r.alone() {
		return fieldErrorf("completions", "has %d, a ranking needs at least 2", len(r.Completions))
	}
	ids, err := completionIDs(r.Completions)
	if err != nil {
		return err
	}
	if len(r.Ranks) != len(r.Completions) {
		return fieldErrorf("ranks", "has %d values for %d completions", len(r.Ranks), len(r.Completions))
	}
	for i, rank := range r.Ranks {
		if rank != nil && *rank < 1 {
			return fieldErrorf(fmt.Sprintf("ranks[%d]", i), "must be 1 or more, is %d", *rank)
		}
	}
	if err := r.validateStrength(); err != nil {
		return err
	}
	if err := r.validateOrder(ids); err != nil {
		return err
	}
	for i, rating := range r.Ratings {
		if !ids[rating.ID] {
			return fieldErrorf(fmt.Sprintf("ratings[%d].id", i), "%q is not one of the completions", rating.ID)
		}
	}
	return r.validateNumbers()
}

// alone tells a judgement of one completion by itself: nothing is ranked, but something is rated.
func (r *Ranked) alone() bool { return len(r.Completions) == 1 && len(r.Ratings) > 0 }

func (r *Ranked) validateStrength() error {
	if r.Strength == nil {
		return nil
	}
	s := *r.Strength
	if len(r.Completions) != 2 {
		return fieldErrorf("strength", "is only for 2 completions, here are %d", len(r.Completions))
	}
	if s < 0 || s > 2 || s*2 != math.Trunc(s*2) {
		return fieldErrorf("strength", "must be 0, 0.5, 1, 1.5 or 2, is %v", s)
	}
	if a, b := r.Ranks[0], r.Ranks[1]; a != nil && b != nil && (*a == *b) != (s == 0) {
		return fieldErrorf("strength", "is %v but ranks are %d and %d (0 means a tie)", s, *a, *b)
	}
	return nil
}

func (r *Ranked) validateOrder(ids map[string]bool) error {
	if len(r.ShownOrder) == 0 {
		return nil
	}
	if len(r.ShownOrder) != len(r.Completions) {
		return fieldErrorf("shown_order", "has %d ids for %d completions", len(r.ShownOrder), len(r.Completions))
	}
	seen := map[string]bool{}
	for i, id := range r.ShownOrder {
		if !ids[id] || seen[id] {
			return fieldErrorf(fmt.Sprintf("shown_order[%d]", i), "%q is not a completion or appears twice", id)
		}
		seen[id] = true
	}
	return nil
}

func (r *Ranked) validateNumbers() error {
	if r.Weight != nil && *r.Weight < 0 {
		return fieldErrorf("weight", "must not be negative, is %v", *r.Weight)
	}
	if r.DurationMS != nil && *r.DurationMS < 0 {
		return fieldErrorf("duration_ms", "must not be negative, is %d", *r.DurationMS)
	}
	if r.ActiveMS != nil && *r.ActiveMS < 0 {
		return fieldErrorf("active_ms", "must not be negative, is %d", *r.ActiveMS)
	}
	if r.AnsweredAt != "" {
		if _, err := time.Parse(time.RFC3339Nano, r.AnsweredAt); err != nil {
			return fieldErrorf("answered_at", "must be a time like 2026-01-02T10:00:00Z, is %q", r.AnsweredAt)
		}
	}
	return nil
}

// Validate checks the prompt's id and text.
func (p *Prompt) Validate() error {
	if p.PromptID == "" {
		return fieldErrorf("prompt_id", "is missing")
	}
	if len(p.Prompt) == 0 {
		return fieldErrorf("prompt", "is empty")
	}
	return nil
}

// Validate checks the prompt's id.
func (d *Demo) Validate() error {
	if d.PromptID == "" {
		return fieldErrorf("prompt_id", "is missing")
	}
	return nil
}

// Validate checks the ids.
func (c *Completions) Validate() error {
	if c.PromptID == "" {
		return fieldErrorf("prompt_id", "is missing")
	}
	if len(c.Completions) == 0 {
		return fieldErrorf("completions", "is empty")
	}
	_, err := completionIDs(c.Completions)
	return err
}

// completionIDs checks that every completion has an id of its own.
func completionIDs(completions []Completion) (map[string]bool, error) {
	ids := make(map[string]bool, len(completions))
	for i, c := range completions {
		field := fmt.Sprintf("completions[%d].id", i)
		if c.ID == "" {
			return nil, fieldErrorf(field, "is missing")
		}
		if ids[c.ID] {
			return nil, fieldErrorf(field, "%q appears twice", c.ID)
		}
		ids[c.ID] = true
	}
	return ids, nil
}
