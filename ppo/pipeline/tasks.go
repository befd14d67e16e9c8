package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"agora/db"
	"agora/policy"
	"agora/policy/base"
	"agora/ppo/measure"
)

// projectName is the project that quickstart's ranking tasks and runs belong to.
const projectName = "one-liners"

const instructions = `Each task shows the **opening of a line** and several ways to go on. Rank the continuations: the one that makes the
better one-liner first. Better means what it means to you; funny helps, and so does being a sentence at all.
Texts that are equally good, or equally bad, may share a rank.

The texts were written by two small language models, before and after PPO. Which wrote which is hidden.`

// tasks is how many ranking tasks quickstart leaves for people, each with two texts of either policy.
const tasks = 100

// openProject finds or makes the project.
func (q *quickstart) openProject(ctx context.Context) error {
	p, err := q.store.ProjectByName(ctx, projectName)
	if errors.Is(err, db.ErrNotFound) {
		fresh := db.DefaultProject(projectName)
		fresh.Title, fresh.Instructions = "One-liners: before and after PPO", instructions
		p, err = q.store.CreateProject(ctx, fresh)
	}
	q.project = p.ID
	return err
}

// importTasks puts samples of both policies into the project as blind ranking tasks: for each prompt
// two of either. The texts of the comparison are one of the two; the others are drawn here.
func (q *quickstart) importTasks(ctx context.Context, c measure.Draw, sft, ppo *policy.Model, both [2]*measure.Samples) error {
	more := c
	more.Seed += 1 << 32 // other random numbers for the second text
	var second [2]*measure.Samples
	for i, m := range []*policy.Model{sft, ppo} {
		d, err := more.From(ctx, m)
		if err != nil {
			return err
		}
		second[i] = d
	}
	var items []db.NewItem
	for i, p := range c.Prompts {
		item := db.NewItem{PromptID: p.PromptID, Prompt: []db.Message{{Role: "user", Content: measure.PromptText(p.Prompt)}}, Lang: "en"}
		for k, name := range []string{"sft", "ppo"} {
			for _, d := range []*measure.Samples{both[k], second[k]} {
				item.Completions = append(item.Completions, db.NewCompletion{Text: d.Completions[i], Policy: name})
			}
		}
		if fit(measure.PromptText(p.Prompt), item.Completions) && len(items) < tasks {
			items = append(items, item)
		}
	}
	_, err := q.store.AddItems(ctx, q.project, 0, fmt.Sprintf("quickstart, seed %d", q.cmd.Seed), items)
	if errors.Is(err, db.ErrImportedTwice) {
		err = nil // an earlier start brought these very texts
	}
	return err
}

// fit leaves out prompts where two texts are equal or empty, which nobody could rank, or where one fails
// the word filter that the training texts passed.
func fit(prompt string, texts []db.NewCompletion) bool {
	var seen []string
	for _, t := range texts {
		n := measure.Normal(t.Text)
		if n == "" || slices.Contains(seen, n) || base.Offends(prompt+t.Text) != "" {
			return false
		}
		seen = append(seen, n)
	}
	return true
}
