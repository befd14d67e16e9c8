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
	JSON    bool   `name:"json" help:"Print the card as one JSON object."`
	In      string `arg:"" name:"in" help:"File to read: JSON lines or a JSON array, .gz or not."`
	Out     string `arg:"" name:"out" help:"File to write, gzip if the name ends in .gz. The card is written beside it."`
}

// Help is shown by --help.
func (*ConvertCmd) Help() string {
	return `Reads preferences, prompts or demonstrations in one format and writes them in another.
What the new format cannot hold is listed in the card beside the output.

  agora convert --to ranked helpful-base.jsonl.gz helpful.ranked.jsonl.gz
  agora convert --from ranked --to trl answers.jsonl pairs.jsonl`
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
	parent, err := HashFile(c.In)
	if err != nil {
		return err
	}
	card, err := Write(c.Out, to, cancellable(ctx, Read(c.In, from)), About{Licence: c.Licence, Parents: []Parent{parent}})
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
