package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"time"

	"agora/db"
	"agora/labeler/raking"
	"agora/reward/prefs"
)

// errEnough ends a listing whose reader wants no more.
var errEnough = errors.New("enough")

// prepare writes what a job takes from its project into the run's directory, unless an earlier
// attempt did (a resumed run must read what it read before), and hashes every input that is a file.
func (w *Worker) prepare(ctx context.Context, job *Job) error {
	type export struct {
		input, file string
		format      prefs.Format
		records     func(context.Context, int64) iter.Seq2[prefs.Record, error]
	}
	needs, ok := map[string]export{
		KindSFT:    {"data", "demos.jsonl", prefs.FormatDemo, w.demos},
		KindReward: {"data", "ranked.jsonl", prefs.FormatRanked, w.answers},
		KindDPO:    {"data", "ranked.jsonl", prefs.FormatRanked, w.answers},
		KindPPO:    {"prompts", "prompts.jsonl", prefs.FormatPrompt, w.prompts},
		KindRLOO:   {"prompts", "prompts.jsonl", prefs.FormatPrompt, w.prompts},
		KindGRPO:   {"prompts", "prompts.jsonl", prefs.FormatPrompt, w.prompts},
	}[job.Kind]
	if ok && job.Inputs[needs.input].Path == "" {
		path := filepath.Join(job.Dir, needs.file)
		if _, err := os.Stat(path); err != nil {
			if job.Project == 0 {
				return fmt.Errorf("a %s run needs the input %q or a project", job.Kind, needs.input)
			}
			if err := w.export(ctx, *job, path, needs.format, needs.records); err != nil {
				return err
			}
		}
		job.Inputs[needs.input] = Input{Path: path}
	}
	if err := hashInputs(job.Inputs); err != nil {
		return err
	}
	return w.refuseWithdrawn(ctx, *job)
}

// export writes what a run learns from its project, with its card, and registers the file with
// whose work is in it.
func (w *Worker) export(ctx context.Context, job Job, path string, format prefs.Format, records func(context.Context, int64) iter.Seq2[prefs.Record, error]) error {
	about, err := w.about(ctx, job.Project)
	if err == nil && format == prefs.FormatRanked {
		about.Weights, err = raking.Card(ctx, w.Store, db.Project{ID: job.Project})
	}
	if err != nil {
		return err
	}
	workers := map[string]int64{}
	card, err := prefs.Write(path, format, countWorkers(records(ctx, job.Project), workers), about)
	if err != nil {
		return fmt.Errorf("export the project: %w", err)
	}
	if card.Records == 0 {
		_ = os.Remove(path)
		return fmt.Errorf("the project has no %s yet", map[prefs.Format]string{prefs.FormatDemo: "demonstrations", prefs.FormatRanked: "answers", prefs.FormatPrompt: "prompts"}[format])
	}
	_, err = w.Store.RegisterArtefact(ctx, db.NewArtefact{Workers: workers, Artefact: db.Artefact{SHA256: card.SHA256, Kind: db.ArtefactExport,
		ProjectID: job.Project, RunID: job.RunID, Name: card.File, Format: string(format), Rows: int64(card.Rows)}})
	return err
}

func hashInputs(inputs map[string]Input) error {
	for name, in := range inputs {
		info, err := os.Stat(in.Path)
		if err != nil {
			return err
		}
		if info.IsDir() {
			continue // a checkpoint: its own hash is verified when it is loaded
		}
		parent, err := prefs.HashFile(in.Path)
		if err != nil {
			return err
		}
		in.SHA256 = parent.SHA256
		inputs[name] = in
	}
	return nil
}

// records turns the database's rows into records of a file, one at a time; a row that convert
// makes nil of is left out.
func (w *Worker) records(ctx context.Context, e db.Export, convert func(db.Record) (prefs.Record, error)) iter.Seq2[prefs.Record, error] {
	return func(yield func(prefs.Record, error) bool) {
		err := w.Store.EachRecord(ctx, e, func(row db.Record) error {
			r, err := convert(row)
			if err != nil || r == nil {
				return err
			}
			if !yield(r, nil) {
				return errEnough
			}
			return nil
		})
		if err != nil && !errors.Is(err, errEnough) {
			yield(nil, err)
		}
	}
}

// answers are a project's judgments, each with what its labeler agreed to and, where the project weighs
// its people to the shares of a population, their weight.
func (w *Worker) answers(ctx context.Context, project int64) iter.Seq2[prefs.Record, error] {
	people, err := w.Store.ExportPeople(ctx, project)
	var weights *raking.Weights
	if err == nil {
		weights, err = raking.ForExport(ctx, w.Store, db.Project{ID: project}, people)
	}
	return w.records(ctx, db.Export{ProjectID: project}, func(row db.Record) (prefs.Record, error) {
		if err != nil {
			return nil, err
		}
		r, rerr := rankedOf(row)
		if ranked, ok := r.(*prefs.Ranked); ok && row.Answer.UserID != 0 {
			person := people[row.Answer.Worker]
			ranked.Consent = person.Consent
			if len(person.Groups) > 0 {
				ranked.Groups = person.Groups
			}
			if weights != nil {
				weight := weights.Weight(row.Answer.Worker)
				ranked.Weight = &weight
			}
		}
		return r, rerr
	})
}

func (w *Worker) demos(ctx context.Context, project int64) iter.Seq2[prefs.Record, error] {
	return w.records(ctx, db.Export{ProjectID: project, Items: db.ItemDemo}, demoOf)
}

// prompts are those of the ranking tasks and those that stand alone.
func (w *Worker) prompts(ctx context.Context, project int64) iter.Seq2[prefs.Record, error] {
	return func(yield func(prefs.Record, error) bool) {
		for _, kind := range []string{db.ItemPrompt, db.ItemRank} {
			for r, err := range w.records(ctx, db.Export{ProjectID: project, Items: kind}, promptOf) {
				if !yield(r, err) {
					return
				}
			}
		}
	}
}

// rankedOf is an answer as training needs it: who ranked what how. The rest of the record (notes,
// timings, flags) is the site's export's business.
func rankedOf(row db.Record) (prefs.Record, error) {
	if len(row.Completions) < 2 {
		return nil, nil // judged by itself: nothing is compared
	}
	prompt, err := messagesOf(row.Item)
	if err != nil {
		return nil, err
	}
	a := row.Answer
	r := &prefs.Ranked{PromptID: row.Item.PromptID, Prompt: prompt, Lang: row.Item.Lang, Ranks: a.Ranks, Strength: a.Strength,
		NoneAcceptable: a.NoneAcceptable, Worker: a.Worker}
	for _, c := range row.Completions {
		r.Completions = append(r.Completions, prefs.Completion{ID: c.ExtID, Text: c.Text, Policy: c.Policy})
	}
	if a.Answered != 0 {
		r.AnsweredAt = a.Answered.Time().Format(time.RFC3339)
	}
	var extra struct {
		Split      string             `json:"split"`
		Weight     *float64           `json:"weight"`
		WorkerFold *int               `json:"worker_fold"`
		Groups     map[string]*string `json:"groups"`
	}
	if a.Extra != "" {
		if err := json.Unmarshal([]byte(a.Extra), &extra); err != nil {
			return nil, fmt.Errorf("answer %d: extra: %w", a.ID, err)
		}
	}
	r.Split, r.Weight, r.WorkerFold, r.Groups = extra.Split, extra.Weight, extra.WorkerFold, extra.Groups
	return r, nil
}

func demoOf(row db.Record) (prefs.Record, error) {
	prompt, err := messagesOf(row.Item)
	if err != nil {
		return nil, err
	}
	if len(row.Completions) != 1 {
		return nil, fmt.Errorf("item %d: a demonstration has one text, this one has %d", row.Item.ID, len(row.Completions))
	}
	d := &prefs.Demo{PromptID: row.Item.PromptID, Prompt: prompt, Completion: row.Completions[0].Text}
	d.Worker = row.Item.Contributor()
	if row.Answer != nil {
		d.Worker = row.Answer.Worker
	}
	return d, nil
}

func promptOf(row db.Record) (prefs.Record, error) {
	prompt, err := messagesOf(row.Item)
	if err != nil {
		return nil, err
	}
	return &prefs.Prompt{PromptID: row.Item.PromptID, Prompt: prompt, Lang: row.Item.Lang}, nil
}

func messagesOf(item db.Item) ([]prefs.Message, error) {
	in, err := item.Messages()
	if err != nil {
		return nil, err
	}
	out := make([]prefs.Message, len(in))
	for i, m := range in {
		out[i] = prefs.Message{Role: m.Role, Content: m.Content}
	}
	return out, nil
}
