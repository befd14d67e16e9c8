package labeler

import (
	"context"
	"errors"
	"fmt"
	"os"

	"agora/db"
	"agora/reward/prefs"
)

// ImportCmd is `agora import`.
type ImportCmd struct {
	Database
	Project string   `required:"" placeholder:"NAME" help:"Project to import into."`
	Format  string   `default:"auto" help:"Format of the files: auto, ranked, prompt, demo, completions, trl, trl-implicit, hh, humour."`
	Mapping string   `type:"existingfile" placeholder:"FILE" help:"JSON file that says which columns of a file of unknown shape hold what."`
	Queue   bool     `help:"Also hand out the items that come with judgements (completions to be ranked always are)."`
	Files   []string `arg:"" name:"file" type:"existingfile" help:"JSON lines, a JSON array, .csv or .tsv, plain or .gz."`
	JSON    bool     `name:"json" help:"Print one JSON object per file."`
}

// Help shows how to use the command.
func (ImportCmd) Help() string {
	return `Each file goes in whole or not at all. For a file with faults, all of them (up to 200)
are listed by line on standard error.

A mapping names columns (members of the rows' objects, or of a table's first line):
  {"prompt":"question","completions":["response_a","response_b"],
   "policies":["model_a","model_b"],"preference":"winner","worker":"judge","lang":"language"}
Further members: list (one column with all texts), list_text, list_policy, ranks,
from_zero, prompt_id, system, note, confidence, answered_at, keep.

Examples:
  agora import --project jokes completions.jsonl
  agora import --project harmless --format hh train.jsonl.gz
  agora import --project arena --mapping columns.json battles.csv`
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
	in := ImportFile{Format: format, Queue: cmd.Queue}
	if cmd.Mapping != "" {
		b, err := os.ReadFile(cmd.Mapping)
		if err != nil {
			return err
		}
		m, err := prefs.ParseMapping(b)
		if err != nil {
			return fmt.Errorf("%s: %w", cmd.Mapping, err)
		}
		in.Mapping = &m
	}
	return cmd.existing(ctx, func(store *db.Store) error {
		p, err := store.ProjectByName(ctx, cmd.Project)
		if err != nil {
			return err
		}
		for _, name := range cmd.Files {
			in.Project, in.Name = p.ID, name
			if err := cmd.one(ctx, store, in); err != nil {
				return err
			}
		}
		return nil
	})
}

func (cmd ImportCmd) one(ctx context.Context, store *db.Store, in ImportFile) error {
	f, err := os.Open(in.Name)
	if err != nil {
		return err
	}
	defer f.Close()
	line := newProgressLine(in.Name + ": %d lines")
	in.Data, in.Progress = f, line.show
	imp, err := importRecords(ctx, store, in)
	line.end()
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("stopped; nothing of %s was imported", in.Name)
	}
	if err != nil {
		return listFaults(ctx, store, in, f, err)
	}
	if cmd.JSON {
		return printJSON(importJSON{imp.File, imp.Format, imp.SHA256, imp.Rows, imp.Items, imp.Answers})
	}
	fmt.Printf("%s (%s): %d rows, %d new items, %d judgements\n", imp.File, imp.Format, imp.Rows, imp.Items, imp.Answers)
	return nil
}

// listFaults prints every fault of a file whose import ended at its first one.
func listFaults(ctx context.Context, store *db.Store, in ImportFile, f *os.File, first error) error {
	var at *prefs.Error
	if !errors.As(first, &at) {
		return first
	}
	if _, err := f.Seek(0, 0); err != nil {
		return first
	}
	check, err := in.check(ctx, store)
	if err != nil || len(check.Faults) < 2 {
		return first
	}
	for _, fault := range check.Faults {
		fmt.Fprintln(os.Stderr, fault.Error())
	}
	if check.More > 0 {
		fmt.Fprintf(os.Stderr, "and %d more\n", check.More)
	}
	return fmt.Errorf("%s: %d faults; nothing of it was imported", in.Name, len(check.Faults)+check.More)
}
