package prefs

import (
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
)

// About is what the writer of a file knows and its rows do not say.
type About struct {
	Licence string
	Filters []string // what was left out before writing, in words
	Parents []Parent // the files or datasets this one was made from
	LeftOut *LeftOut // nil: nothing is known to be left out
	Weights *Weights // nil: none were made
	Curated *Curated // nil: the prompts are as they came
}

// Parent names a source by content.
type Parent struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
}

// Write writes records to a file in the given format, gzip where the name ends
// in .gz, and the card beside it (CardPath). Both appear whole or not at all. The
// first error of records, a record that the format cannot hold at all, or a full
// disk ends it with nothing written.
func Write(path string, format Format, records iter.Seq2[Record, error], about About) (*Card, error) {
	sum := sha256.New()
	var card *Card
	err := atomically(path, func(f io.Writer) error {
		out := io.MultiWriter(f, sum)
		var z *gzip.Writer
		if strings.HasSuffix(path, ".gz") {
			z = gzip.NewWriter(out)
			out = z
		}
		var err error
		if card, err = Encode(out, format, records, about); err != nil {
			return err
		}
		if z != nil {
			return z.Close()
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	card.File, card.SHA256 = filepath.Base(path), hex.EncodeToString(sum.Sum(nil))
	return card, atomically(CardPath(path), func(f io.Writer) error {
		text, err := json.MarshalIndent(card, "", "  ")
		if err != nil {
			return err
		}
		_, err = f.Write(append(text, '\n'))
		return err
	})
}

// CardPath is where the card of a data file lies: pairs.jsonl.gz has pairs.card.json.
func CardPath(path string) string {
	path = strings.TrimSuffix(path, ".gz")
	return strings.TrimSuffix(path, filepath.Ext(path)) + ".card.json"
}

// Encode writes the rows to a stream and returns the card without file name and hash.
func Encode(w io.Writer, format Format, records iter.Seq2[Record, error], about About) (*Card, error) {
	render, err := rendererFor(format)
	if err != nil {
		return nil, err
	}
	out := bufio.NewWriterSize(w, 1<<16)
	tally := newTally(format, about)
	for record, err := range records {
		if err != nil {
			return nil, err
		}
		lines, err := render(record)
		if err != nil {
			return nil, fmt.Errorf("record %d: %w", tally.card.Records+1, err)
		}
		tally.add(record, len(lines))
		for _, line := range lines {
			_, _ = out.Write(line) // bufio keeps the first error for Flush
			_ = out.WriteByte('\n')
		}
	}
	if err := out.Flush(); err != nil {
		return nil, err
	}
	return tally.finish(), nil
}

// renderer turns a record into the lines of a format.
type renderer func(Record) ([][]byte, error)

func rendererFor(format Format) (renderer, error) {
	switch format {
	case FormatRanked, FormatCompletions:
		return renderSame(format), nil
	case FormatPrompt:
		return renderPrompts(), nil
	case FormatDemo:
		return renderDemo, nil
	case FormatTRL, FormatTRLImplicit, FormatHH:
		return renderPairs(format), nil
	case FormatHumour:
		return nil, errors.New("format humour can be read but not written")
	}
	return nil, fmt.Errorf("unknown format %q, known are %s", format, formatNames())
}

func cannotHold(format Format, r Record) error {
	return fmt.Errorf("format %s cannot hold %s records", format, r.Schema())
}

// renderSame writes records whose schema is the format.
func renderSame(format Format) renderer {
	return func(r Record) ([][]byte, error) {
		if r.Schema() != string(format)+"/1" {
			return nil, cannotHold(format, r)
		}
		return oneLine(r)
	}
}

func oneLine(r Record) ([][]byte, error) {
	if err := r.Validate(); err != nil {
		return nil, err
	}
	line, err := r.MarshalJSON()
	return [][]byte{line}, err
}

// renderPrompts writes each prompt once, at its first record.
func renderPrompts() renderer {
	seen := map[string]bool{}
	return func(r Record) ([][]byte, error) {
		p := PromptOf(r)
		if seen[p.PromptID] {
			return nil, nil
		}
		seen[p.PromptID] = true
		return oneLine(p)
	}
}

// renderDemo writes demonstrations, and of rankings their best completion.
func renderDemo(r Record) ([][]byte, error) {
	switch r := r.(type) {
	case *Demo:
		return oneLine(r)
	case *Ranked:
		best := bestCompletion(r)
		if best < 0 {
			return nil, nil
		}
		return oneLine(&Demo{PromptID: r.PromptID, Prompt: r.Prompt, Completion: r.Completions[best].Text,
			Worker: r.Worker, Split: r.Split, Extra: promptExtra(r.Extra)})
	}
	return nil, cannotHold(FormatDemo, r)
}

// bestCompletion is the first completion of the lowest rank, -1 where nothing is ranked or acceptable.
func bestCompletion(r *Ranked) int {
	best := -1
	for i, rank := range r.Ranks {
		if rank != nil && !r.NoneAcceptable && (best < 0 || *rank < *r.Ranks[best]) {
			best = i
		}
	}
	return best
}

// renderPairs writes one row per untied pair.
func renderPairs(format Format) renderer {
	return func(record Record) ([][]byte, error) {
		r, ok := record.(*Ranked)
		if !ok {
			if d, isDemo := record.(*Demo); isDemo && format == FormatTRL {
				return [][]byte{encode(demoRow(d))}, nil
			}
			return nil, cannotHold(format, record)
		}
		pairs, _ := r.Pairs()
		var lines [][]byte
		for _, p := range pairs {
			row, _ := pairRow(format, r, p)
			lines = append(lines, encode(row))
		}
		return lines, nil
	}
}

// demoRow writes TRL's prompt-completion type.
func demoRow(d *Demo) Fields {
	as := &Ranked{Prompt: d.Prompt, Extra: d.Extra}
	out := Fields{}
	if text, ok := promptText(as); ok {
		out = Fields{{"prompt", encode(text)}, {"completion", encode(d.Completion)}}
	} else {
		out = Fields{{"prompt", encode(d.Prompt)}, {"completion", encode(answer(nil, d.Completion))}}
	}
	if origin := originOf(d.Extra, FormatTRL); origin != nil {
		return append(out, origin.Columns...)
	}
	return append(out, Field{"prompt_id", encode(d.PromptID)})
}

// withoutPath is what went wrong, less the name of a temporary file that nobody asked for.
func withoutPath(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

// atomically writes a file under a temporary name in its folder, syncs it, and
// renames it into place; on any error nothing is left behind.
func atomically(path string, write func(io.Writer) error) (err error) {
	if info, err := os.Stat(filepath.Dir(path)); err != nil || !info.IsDir() {
		return fmt.Errorf("%s: the folder %s does not exist", path, filepath.Dir(path))
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.tmp")
	if err != nil {
		return fmt.Errorf("%s: %w", path, withoutPath(err))
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if err = write(f); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = f.Chmod(0o644); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	if dir, derr := os.Open(filepath.Dir(path)); derr == nil {
		_ = dir.Sync() // some file systems refuse to sync a folder; the data is safe already
		dir.Close()
	}
	return nil
}
