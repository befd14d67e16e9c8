package prefs

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
)

// Source is what is known of a file's shape before it is read.
type Source struct {
	Name    string   // for messages, and to tell tables (.csv, .tsv) from JSON
	Format  Format   // Auto: found out from the first row
	Mapping *Mapping // columns of a file of unknown shape; nil: one of the formats
}

// Row is a record and where its row stands. A row of some formats holds several records.
type Row struct {
	Record Record
	Unit   string // "line" or "element"
	Line   int    // from 1
}

// All yields every record of an open file, and an *Error for every bad row: it
// goes on after one, unless the file cannot be read on.
func (s Source) All(in io.Reader) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		var parse parser
		for at, err := range rows(in, s.Name) {
			if err == nil && parse == nil {
				if parse, err = s.parser(at.fields); err != nil {
					yield(Row{}, &Error{File: s.Name, Unit: at.unit, Line: at.number, Err: err})
					return // no row can be read
				}
			}
			var records []Record
			if err == nil {
				records, err = parse(at.fields)
			}
			if err != nil && !yield(Row{Unit: at.unit, Line: at.number}, &Error{File: s.Name, Unit: at.unit, Line: at.number, Err: err}) {
				return
			}
			for _, r := range records {
				if !yield(Row{r, at.unit, at.number}, nil) {
					return
				}
			}
		}
	}
}

// Decode yields the records up to the first error.
func (s Source) Decode(in io.Reader) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		for row, err := range s.All(in) {
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

func (s Source) parser(first Fields) (parser, error) {
	if s.Mapping == nil {
		return parserFor(s.Format, first)
	}
	for _, name := range s.Mapping.columns() {
		if !first.Has(name) {
			return nil, fieldErrorf(name, "is named by the mapping but is not in the file")
		}
	}
	return s.Mapping.parse, s.Mapping.Validate()
}

// Look returns the columns of the first row and the format that they are of; Auto with no error is
// a file of objects or a table in no known format, which a mapping can read.
func (s Source) Look(in io.Reader) (columns []string, format Format, err error) {
	for at, err := range rows(in, s.Name) {
		if err != nil {
			return nil, Auto, &Error{File: s.Name, Unit: at.unit, Line: at.number, Err: err}
		}
		for _, f := range at.fields {
			columns = append(columns, f.Name)
		}
		format, err = detect(at.fields)
		if m, ok := GuessMapping(columns); ok && format == FormatTRL && !at.fields.Has("chosen") && (m.List != "" || len(m.Completions) > 1) {
			format = Auto // its texts would be read as nobody's: only the prompt has a name that the format knows
		}
		if _, known := errors.AsType[*FieldError](err); known {
			return columns, Auto, &Error{File: s.Name, Unit: at.unit, Line: at.number, Err: err}
		}
		return columns, format, nil
	}
	return nil, Auto, &Error{File: s.Name, Err: faultf("is empty")}
}

// Where splits an error of reading into the place and the reason: line or element number (0: the
// whole file), field ("": the whole row) and what is wrong.
func Where(err error) (line int, field string, reason error) {
	var at *Error
	if errors.As(err, &at) {
		line, err = at.Line, at.Err
	}
	var fe *FieldError
	if errors.As(err, &fe) {
		return line, fe.Field, fe.Err
	}
	return line, "", err
}

// Preview is a record in short, for people: what was read of a row.
type Preview struct {
	Kind        string // schema of the record
	Prompt      []Message
	Completions []Completion
	Ranks       []*int
	Worker      string
	Lang        string
}

// PreviewOf makes it.
func PreviewOf(r Record) Preview {
	p := Preview{Kind: r.Schema(), Prompt: PromptOf(r).Prompt, Lang: PromptOf(r).Lang}
	switch r := r.(type) {
	case *Ranked:
		p.Completions, p.Ranks, p.Worker = r.Completions, r.Ranks, r.Worker
	case *Completions:
		p.Completions, p.Lang = r.Completions, extraLang(r.Extra)
	case *Demo:
		p.Completions, p.Worker, p.Lang = []Completion{{Text: r.Completion}}, r.Worker, extraLang(r.Extra)
	}
	return p
}

// extraLang is the language of a record whose schema has no field for it; anything but a string names none.
func extraLang(extra Fields) (lang string) {
	if raw, ok := extra.Get("lang"); ok {
		_ = json.Unmarshal(raw, &lang)
	}
	return lang
}

// String is the mapping as compact JSON.
func (m Mapping) String() string {
	b, err := json.Marshal(m)
	if err != nil { // strings and booleans always marshal
		return fmt.Sprint(err)
	}
	return string(b)
}
