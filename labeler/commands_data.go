package labeler

import (
	"context"
	"errors"
	"fmt"
	"os"
	"text/tabwriter"

	"agora/db"
	"agora/reward/prefs"
)

// ProjectCmd is `agora project`.
type ProjectCmd struct {
	Create ProjectCreateCmd `cmd:"" help:"Create a project."`
	List   ProjectListCmd   `cmd:"" help:"List projects with the state of their queues."`
}

// ProjectCreateCmd is `agora project create`.
type ProjectCreateCmd struct {
	Database
	Name         string `arg:"" help:"Short name: lower-case letters, digits and . _ -"`
	Title        string `help:"Title for people (default: the name)."`
	Kind         string `default:"rank" help:"rank (order K completions, ties allowed) or pairwise (compare two in five steps)."`
	K            int    `default:"4" help:"Completions per task, 2 to 9; 2 for pairwise."`
	Overlap      int    `default:"1" help:"How many different labelers answer each task."`
	LeaseMinutes int    `default:"60" help:"Minutes a handed-out task stays reserved."`
	EditMinutes  int    `default:"60" help:"Minutes in which a labeler may undo or change an answer."`
	Instructions string `type:"existingfile" placeholder:"FILE" help:"Guidelines for labelers, as Markdown."`
	JSON         bool   `name:"json" help:"Print JSON."`
}

// Help shows how to use the command.
func (ProjectCreateCmd) Help() string {
	return `Examples:
  agora project create jokes --overlap 3 --instructions guidelines.md
  agora project create duel --kind pairwise`
}

// Run creates the project.
func (cmd ProjectCreateCmd) Run(ctx context.Context) error {
	p := db.DefaultProject(cmd.Name)
	p.Kind, p.K, p.Overlap, p.LeaseMinutes, p.EditMinutes = cmd.Kind, cmd.K, cmd.Overlap, cmd.LeaseMinutes, cmd.EditMinutes
	if cmd.Title != "" {
		p.Title = cmd.Title
	}
	if p.Kind == db.KindPairwise && cmd.K == db.DefaultProject("").K {
		p.K = 2
	}
	if cmd.Instructions != "" {
		b, err := os.ReadFile(cmd.Instructions)
		if err != nil {
			return err
		}
		p.Instructions = string(b)
	}
	if err := p.Validate(); err != nil {
		return fmt.Errorf("project %w", err)
	}
	return cmd.with(ctx, func(store *db.Store) error {
		p, err := store.CreateProject(ctx, p)
		if err != nil {
			return err
		}
		if cmd.JSON {
			return printJSON(projectLine(p, db.QueueCounts{}))
		}
		fmt.Printf("project %s created: %s, %d labelers per task\n", p.Name, p.Kind, p.Overlap)
		return nil
	})
}

// projectJSON is a project on the command line.
type projectJSON struct {
	Name     string `json:"name"`
	Title    string `json:"title"`
	Kind     string `json:"kind"`
	K        int    `json:"k"`
	Overlap  int    `json:"overlap"`
	Archived bool   `json:"archived"`
	Items    int64  `json:"items"`
	Wanted   int64  `json:"wanted"`
	Answered int64  `json:"answered"`
	Imported int64  `json:"imported"`
	Members  int64  `json:"members"`
}

func projectLine(p db.Project, q db.QueueCounts) projectJSON {
	return projectJSON{p.Name, p.Title, p.Kind, p.K, p.Overlap, p.Archived, q.Items, q.Wanted, q.Answered, q.Imported, q.Members}
}

// ProjectListCmd is `agora project list`.
type ProjectListCmd struct {
	Database
	JSON bool `name:"json" help:"Print one JSON object a line."`
}

// Help shows how to use the command.
func (ProjectListCmd) Help() string { return "Example:\n  agora project list --db study.db" }

// Run lists the projects.
func (cmd ProjectListCmd) Run(ctx context.Context) error {
	return cmd.existing(ctx, func(store *db.Store) error {
		projects, err := store.Projects(ctx)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
		if !cmd.JSON {
			fmt.Fprintln(w, "NAME\tKIND\tOVERLAP\tITEMS\tANSWERED\tWANTED\tIMPORTED\tLABELERS")
		}
		for _, p := range projects {
			q, err := store.Queue(ctx, p.ID)
			if err != nil {
				return err
			}
			if cmd.JSON {
				err = printJSON(projectLine(p, q))
			} else {
				_, err = fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\n", p.Name, p.Kind, p.Overlap, q.Items, q.Answered, q.Wanted, q.Imported, q.Members)
			}
			if err != nil {
				return err
			}
		}
		return w.Flush()
	})
}

// ImportCmd is `agora import`.
type ImportCmd struct {
	Database
	Project string   `required:"" placeholder:"NAME" help:"Project to import into."`
	Format  string   `default:"auto" help:"Format of the files: auto, ranked, prompt, demo, completions, trl, trl-implicit, hh, humour."`
	Queue   bool     `help:"Also hand out the items that come with judgements (completions to be ranked always are)."`
	Files   []string `arg:"" name:"file" type:"existingfile" help:"JSON lines or a JSON array, plain or .gz."`
	JSON    bool     `name:"json" help:"Print one JSON object per file."`
}

// Help shows how to use the command.
func (ImportCmd) Help() string {
	return `Each file goes in whole or not at all.

Examples:
  agora import --project jokes completions.jsonl
  agora import --project harmless --format hh train.jsonl.gz`
}

// importJSON is an import on the command line.
type importJSON struct {
	File    string `json:"file"`
	Format  string `json:"format"`
	SHA256  string `json:"sha256"`
	Rows    int    `json:"rows"`
	Items   int    `json:"items"`
	Answers int    `json:"answers"`
}

// Run imports the files one after another.
func (cmd ImportCmd) Run(ctx context.Context) error {
	format, err := prefs.ParseFormat(cmd.Format)
	if err != nil {
		return err
	}
	return cmd.existing(ctx, func(store *db.Store) error {
		p, err := store.ProjectByName(ctx, cmd.Project)
		if err != nil {
			return err
		}
		for _, name := range cmd.Files {
			if err := cmd.one(ctx, store, p, name, format); err != nil {
				return err
			}
		}
		return nil
	})
}

func (cmd ImportCmd) one(ctx context.Context, store *db.Store, p db.Project, name string, format prefs.Format) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	imp, err := importRecords(ctx, store, ImportFile{Project: p.ID, Name: name, Data: f, Format: format, Queue: cmd.Queue})
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("stopped; nothing of %s was imported", name)
	}
	if err != nil {
		return err
	}
	if cmd.JSON {
		return printJSON(importJSON{imp.File, imp.Format, imp.SHA256, imp.Rows, imp.Items, imp.Answers})
	}
	fmt.Printf("%s (%s): %d rows, %d new items, %d judgements\n", imp.File, imp.Format, imp.Rows, imp.Items, imp.Answers)
	return nil
}

// ExportCmd is `agora export`.
type ExportCmd struct {
	Database
	Project string `required:"" placeholder:"NAME" help:"Project to export."`
	Format  string `default:"ranked" help:"ranked, prompt, demo, completions, trl, trl-implicit or hh."`
	Out     string `required:"" short:"o" placeholder:"FILE" help:"File to write, .gz to compress; its card is written beside it."`
	Licence string `help:"Licence of the data, for the card."`
	JSON    bool   `name:"json" help:"Print the card."`
}

// Help shows how to use the command.
func (ExportCmd) Help() string {
	return `The card (FILE.card.json) has counts, agreement, the tie policy, and what the
format cannot hold.

Examples:
  agora export --project jokes --out jokes.jsonl
  agora export --project jokes --format trl --out pairs.jsonl.gz`
}

// Run writes file and card.
func (cmd ExportCmd) Run(ctx context.Context) error {
	format, err := prefs.ParseFormat(cmd.Format)
	if err == nil && format == prefs.Auto {
		err = errors.New("--format auto is for reading; name the format to write")
	}
	if err != nil {
		return err
	}
	return cmd.existing(ctx, func(store *db.Store) error {
		p, err := store.ProjectByName(ctx, cmd.Project)
		if err != nil {
			return err
		}
		about, err := about(ctx, store, p, cmd.Licence)
		if err != nil {
			return err
		}
		card, err := prefs.Write(cmd.Out, format, exportRecords(ctx, store, p, format), about)
		if err != nil && ctx.Err() != nil {
			return fmt.Errorf("stopped; %s was not written", cmd.Out)
		}
		if err != nil {
			return fmt.Errorf("export %s: %w", cmd.Out, err)
		}
		if cmd.JSON {
			return printJSON(card)
		}
		fmt.Printf("%s: %d rows from %d records by %d labelers; card: %s\n", cmd.Out, card.Rows, card.Records, card.Workers, prefs.CardPath(cmd.Out))
		for _, l := range card.Losses {
			fmt.Printf("  not in this format: %s (%d records): %s\n", l.Field, l.Records, l.Why)
		}
		return nil
	})
}
