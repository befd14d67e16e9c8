package labeler

import (
	"context"
	"errors"
	"fmt"
	"os"

	"agora/db"
	"agora/reward/prefs"
)

// ExportCmd is `agora export`.
type ExportCmd struct {
	Database
	Project  string `required:"" placeholder:"NAME" help:"Project to export."`
	Format   string `default:"ranked" help:"ranked, prompt, demo, completions, trl, trl-implicit or hh."`
	Out      string `required:"" short:"o" placeholder:"FILE" help:"File to write, .gz to compress; its cards are written beside it."`
	Licence  string `help:"Licence of the data, for the card."`
	Lang     string `placeholder:"TAG" help:"Only items in this language, such as es."`
	From     string `placeholder:"DATE" help:"Only answers from this day on (UTC), such as 2026-01-31."`
	To       string `placeholder:"DATE" help:"Only answers up to this day (UTC)."`
	Complete bool   `help:"Only items that have all the answers asked for."`
	JSON     bool   `name:"json" help:"Print the card."`
}

// Help shows how to use the command.
func (ExportCmd) Help() string {
	return `The cards (FILE.card.json, and FILE.card.md for people) have counts, agreement,
pool, consent, versions, the tie policy, what was left out, and what the format
cannot hold. The database remembers the file by its hash and whose answers are in
it, so that a withdrawal can name it (agora project withdraw).

Examples:
  agora export --project jokes --out jokes.jsonl
  agora export --project jokes --format trl --lang es --out pairs.jsonl.gz`
}

// Run writes file and cards.
func (cmd ExportCmd) Run(ctx context.Context) error {
	format, err := prefs.ParseFormat(cmd.Format)
	if err == nil && format == prefs.Auto {
		err = errors.New("--format auto is for reading; name the format to write")
	}
	if err != nil {
		return err
	}
	d := dataOut{Format: format, Licence: cmd.Licence, Lang: cmd.Lang, Complete: cmd.Complete}
	if d.From, d.To, err = days(cmd.From, cmd.To); err != nil {
		return fmt.Errorf("--%w", err)
	}
	return cmd.existing(ctx, func(store *db.Store) error {
		if d.Project, err = store.ProjectByName(ctx, cmd.Project); err != nil {
			return err
		}
		line := newProgressLine(cmd.Out + ": %d records")
		d.Progress = line.show
		card, err := d.write(ctx, store, cmd.Out, 0)
		line.end()
		if err != nil && ctx.Err() != nil {
			return fmt.Errorf("stopped; %s was not written", cmd.Out)
		}
		if err != nil {
			return fmt.Errorf("export %s: %w", cmd.Out, err)
		}
		if cmd.JSON {
			return printJSON(card)
		}
		fmt.Printf("%s: %d rows from %d records by %d labelers; cards: %s, %s\n", cmd.Out, card.Rows, card.Records, card.Workers, prefs.CardPath(cmd.Out), cardTextPath(cmd.Out))
		for _, l := range card.Losses {
			fmt.Printf("  not in this format: %s (%d records): %s\n", l.Field, l.Records, l.Why)
		}
		if card.LeftOut != nil {
			for _, l := range card.LeftOut.Lines() {
				fmt.Printf("  left out: %s\n", l)
			}
		}
		return nil
	})
}

// progressLine is one line on standard error that counts up, where that is a terminal.
type progressLine struct {
	format string
	on     bool
	used   bool
}

func newProgressLine(format string) *progressLine {
	info, err := os.Stderr.Stat()
	return &progressLine{format: format, on: err == nil && info.Mode()&os.ModeCharDevice != 0}
}

func (l *progressLine) show(n int) {
	if l.on {
		l.used = true
		fmt.Fprintf(os.Stderr, "\r"+l.format, n)
	}
}

// end clears the line.
func (l *progressLine) end() {
	if l.used {
		fmt.Fprint(os.Stderr, "\r\033[K")
	}
}
