package labeler

import (
	"context"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"agora/db"
)

// ProjectWithdrawCmd is `agora project withdraw`.
type ProjectWithdrawCmd struct {
	Database
	Project    string `required:"" placeholder:"NAME" help:"Project that the answers are in."`
	Worker     string `required:"" placeholder:"PSEUDONYM" help:"Whose answers, as in exports and on the project's page."`
	KeepPlaces bool   `name:"keep-places" help:"Do not let other labelers answer in their place."`
	JSON       bool   `name:"json" help:"Print one JSON object."`
}

// Help shows how to use the command.
func (ProjectWithdrawCmd) Help() string {
	return `For a person who asked for it. Their answers stay stored but go out of exports,
trainings and counts for good; drafts are deleted. The command lists by hash the
exports and models made before that hold their answers: delete those, or make them
again without the answers.

Example:
  agora project withdraw --project jokes --worker w3k2ab7q`
}

// withdrawnJSON is a withdrawal on the command line.
type withdrawnJSON struct {
	Project   string         `json:"project"`
	Worker    string         `json:"worker"`
	Answers   int            `json:"answers"`
	Places    int            `json:"places"`
	Drafts    int            `json:"drafts"`
	Artefacts []artefactJSON `json:"artefacts"`
}

// artefactJSON is a file or model on the command line.
type artefactJSON struct {
	SHA256         string     `json:"sha256"`
	Kind           string     `json:"kind"`
	Name           string     `json:"name"`
	Format         string     `json:"format,omitempty"`
	Run            int64      `json:"run,omitempty"`
	Created        time.Time  `json:"created"`
	HoldsWithdrawn bool       `json:"holds_withdrawn"`
	Retired        *time.Time `json:"retired,omitempty"`
	Note           string     `json:"note,omitempty"`
}

func artefactLine(a db.Artefact, holds bool) artefactJSON {
	line := artefactJSON{SHA256: a.SHA256, Kind: a.Kind, Name: a.Name, Format: a.Format, Run: a.RunID, Created: a.Created.Time(), HoldsWithdrawn: holds, Note: a.RetiredNote}
	if a.Retired != 0 {
		t := a.Retired.Time()
		line.Retired = &t
	}
	return line
}

// Run withdraws the answers.
func (cmd ProjectWithdrawCmd) Run(ctx context.Context) error {
	return cmd.existing(ctx, func(store *db.Store) error {
		p, err := store.ProjectByName(ctx, cmd.Project)
		if err != nil {
			return err
		}
		w, err := store.Withdraw(ctx, db.Withdraw{ProjectID: p.ID, Worker: cmd.Worker, Reopen: !cmd.KeepPlaces})
		if err != nil {
			return fmt.Errorf("project %s: %w", p.Name, err)
		}
		out := withdrawnJSON{p.Name, cmd.Worker, w.Answers, w.Places, w.Drafts, []artefactJSON{}}
		for _, a := range w.Artefacts {
			out.Artefacts = append(out.Artefacts, artefactLine(a, true))
		}
		if cmd.JSON {
			return printJSON(out)
		}
		fmt.Printf("%s: %d answers withdrawn, %d places given back, %d drafts deleted\n", cmd.Worker, w.Answers, w.Places, w.Drafts)
		if len(out.Artefacts) == 0 {
			fmt.Println("no export or model that this database knows holds their answers")
			return nil
		}
		fmt.Println("these hold their answers; delete them or make them again:")
		return printArtefacts(out.Artefacts)
	})
}

// ProjectArtefactsCmd is `agora project artefacts`.
type ProjectArtefactsCmd struct {
	Database
	Project   string `required:"" placeholder:"NAME" help:"Project that they were made from."`
	Withdrawn bool   `help:"Only those that hold answers of people who withdrew and are not noted as done."`
	JSON      bool   `name:"json" help:"Print one JSON object a line."`
}

// Help shows how to use the command.
func (ProjectArtefactsCmd) Help() string {
	return "Example:\n  agora project artefacts --project jokes --withdrawn"
}

// Run lists them.
func (cmd ProjectArtefactsCmd) Run(ctx context.Context) error {
	return cmd.existing(ctx, func(store *db.Store) error {
		p, err := store.ProjectByName(ctx, cmd.Project)
		if err != nil {
			return err
		}
		all, err := store.Artefacts(ctx, p.ID)
		if err != nil {
			return err
		}
		affected, err := store.WithdrawnArtefacts(ctx)
		if err != nil {
			return err
		}
		holds := map[int64]bool{}
		for _, a := range affected {
			holds[a.ID] = true
		}
		var lines []artefactJSON
		for _, a := range all {
			if !cmd.Withdrawn || holds[a.ID] && a.Retired == 0 {
				lines = append(lines, artefactLine(a, holds[a.ID]))
			}
		}
		if !cmd.JSON {
			return printArtefacts(lines)
		}
		for _, l := range lines {
			if err := printJSON(l); err != nil {
				return err
			}
		}
		return nil
	})
}

func printArtefacts(lines []artefactJSON) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "KIND\tNAME\tMADE\tSTATE\tSHA256")
	for _, l := range lines {
		state := "in use"
		switch {
		case l.Retired != nil:
			state = "done: " + l.Note
		case l.HoldsWithdrawn:
			state = "holds withdrawn answers"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", l.Kind, l.Name, l.Created.Format(time.DateTime), state, l.SHA256)
	}
	return w.Flush()
}
