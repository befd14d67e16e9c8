package prefs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
)

// ConvertCmd is `agora convert`.
type ConvertCmd struct {
	From    string `name:"from" default:"auto" help:"Format of IN: auto, ranked, prompt, demo, completions, trl, trl-implicit, hh, humour."`
	To      string `name:"to" required:"" help:"Format of OUT: ranked, prompt, demo, completions, trl, trl-implicit, hh."`
	Licence string `name:"licence" help:"Licence to name in the card."`
	curateFlags
	JSON bool   `name:"json" help:"Print the card as one JSON object."`
	In   string `arg:"" name:"in" help:"File to read: JSON lines or a JSON array, .gz or not."`
	Out  string `arg:"" name:"out" help:"File to write, gzip if the name ends in .gz. The card is written beside it."`
}

// curateFlags choose among prompts, as Curation does.
type curateFlags struct {
	DedupPrefix int     `name:"dedup-prefix" placeholder:"N" help:"Of prompts whose first N characters are the same, take the first (shorter ones: if they are the same altogether)."`
	PerUser     int     `name:"per-user" placeholder:"N" help:"Take the first N prompts of a user."`
	SplitBy     string  `name:"split-by" enum:",user" default:"" placeholder:"user" help:"Write the member split, train, validation or test, so that no user is in two of them."`
	Validation  float64 `name:"validation" default:"0.1" help:"Share of the users for validation, with --split-by."`
	Test        float64 `name:"test" default:"0.1" help:"Share of the users for the test, with --split-by."`
	SplitSeed   uint64  `name:"split-seed" default:"0" help:"Another one splits the users anew; the same one splits them alike in every file."`
	UserField   string  `name:"user-field" placeholder:"NAME" help:"Member that names the user; otherwise source_user of prompts and completions, worker of demonstrations and rankings."`
}

func (f curateFlags) curation() Curation {
	return Curation{Prefix: f.DedupPrefix, PerUser: f.PerUser, SplitByUser: f.SplitBy == "user", UserField: f.UserField,
		Validation: f.Validation, Test: f.Test, Seed: f.SplitSeed}
}

// Help is shown by --help.
func (*ConvertCmd) Help() string {
	return `Reads preferences, prompts or demonstrations in one format and writes them in another.
What the new format cannot hold is listed in the card beside the output.

  agora convert --to ranked helpful-base.jsonl.gz helpful.ranked.jsonl.gz
  agora convert --from ranked --to trl answers.jsonl pairs.jsonl

Prompts can be curated on the way as InstructGPT's were; the card says what was left out and why:

  agora convert --to prompt --dedup-prefix 100 --per-user 200 --split-by user requests.jsonl prompts.jsonl`
}

// Run converts the file; OUT appears whole or not at all.
func (c *ConvertCmd) Run(ctx context.Context) error {
	from, err := ParseFormat(c.From)
	if err != nil {
		return fmt.Errorf("--from: %w", err)
	}
	to, err := ParseFormat(c.To)
	if err != nil {
		return fmt.Errorf("--to: %w", err)
	}
	if to == Auto {
		return errors.New("--to: name a format")
	}
	if err := c.curation().Validate(); err != nil {
		return err
	}
	parent, err := HashFile(c.In)
	if err != nil {
		return err
	}
	about, records := About{Licence: c.Licence, Parents: []Parent{parent}}, Read(c.In, from)
	if curation := c.curation(); curation.On() {
		records, about.Curated = curation.Apply(c.In, ReadRows(c.In, from))
	}
	card, err := Write(c.Out, to, cancellable(ctx, records), about)
	if err != nil {
		return err
	}
	return c.report(os.Stdout, card)
}

func (c *ConvertCmd) report(w io.Writer, card *Card) error {
	if c.JSON {
		return json.NewEncoder(w).Encode(card)
	}
	fmt.Fprintf(w, "%s: %d rows from %d records (%d prompts, %d ties); card %s\n",
		c.Out, card.Rows, card.Records, card.Prompts, card.Ties, CardPath(c.Out))
	if card.Curated != nil {
		left, splits := card.Curated.Lines()
		for _, line := range left {
			fmt.Fprintf(w, "  left out: %s\n", line)
		}
		for _, line := range splits {
			fmt.Fprintf(w, "  %s\n", line)
		}
	}
	for _, l := range card.Losses {
		fmt.Fprintf(w, "  not held by %s: %s in %d records: %s\n", card.Format, l.Field, l.Records, l.Why)
	}
	return nil
}

// HashFile names a file by the sha256 of its bytes.
func HashFile(path string) (Parent, error) {
	f, err := os.Open(path)
	if err != nil {
		return Parent{}, err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return Parent{}, fmt.Errorf("read %s: %w", path, err)
	}
	return Parent{Name: filepath.Base(path), SHA256: hex.EncodeToString(sum.Sum(nil))}, nil
}

// cancellable ends the records with the context's error once it is cancelled.
func cancellable(ctx context.Context, records iter.Seq2[Record, error]) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for r, err := range records {
			if err == nil && ctx.Err() != nil {
				yield(nil, fmt.Errorf("stopped, nothing written: %w", ctx.Err()))
				return
			}
			if !yield(r, err) {
				return
			}
		}
	}
}
