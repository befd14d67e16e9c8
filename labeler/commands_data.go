package labeler

import (
	"context"
	"fmt"
	"os"
	"text/tabwriter"

	"agora/db"
)

// ProjectCmd is `agora project`.
type ProjectCmd struct {
	Create ProjectCreateCmd `cmd:"" help:"Create a project."`
	List   ProjectListCmd   `cmd:"" help:"List projects with the state of their queues."`

	Withdraw  ProjectWithdrawCmd  `cmd:"" help:"Withdraw a person's answers, and list what was made of them."`
	Artefacts ProjectArtefactsCmd `cmd:"" help:"List exports and models made from a project."`
}

// ProjectCreateCmd is `agora project create`.
type ProjectCreateCmd struct {
	Database
	Name         string `arg:"" help:"Short name: lower-case letters, digits and . _ -"`
	Title        string `help:"Title for people (default: the name)."`
	Kind         string `placeholder:"KIND" help:"rank (order K completions, ties allowed; the default), pairwise (choose between two in five steps), demonstration (write the answer), prompt (write a prompt) or rating (judge one completion)."`
	Form         string `placeholder:"PRESET" help:"Task form to begin with: rank-only, instructgpt, helpful-harmless, summaries or pairwise-5 (default: as usual for the kind)."`
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
  agora project create duel --kind pairwise
  agora project create careful --form instructgpt --overlap 3
  agora project create answers --kind demonstration`
}

// Run creates the project.
func (cmd ProjectCreateCmd) Run(ctx context.Context) error {
	p := db.DefaultProject(cmd.Name)
	p.Kind, p.Form, p.K, p.Overlap, p.LeaseMinutes, p.EditMinutes = cmd.Kind, cmd.Form, cmd.K, cmd.Overlap, cmd.LeaseMinutes, cmd.EditMinutes
	if cmd.Title != "" {
		p.Title = cmd.Title
	}
	if p.Kind == "" {
		p.Kind = db.PresetKind(cmd.Form)
	}
	if k, fixed := db.FixedK(p.Kind); fixed && cmd.K == db.DefaultProject("").K {
		p.K = k
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
