package prefs

import (
	"fmt"
	"io"
	"iter"
	"os"
)

// Read yields the records of one file in order, or the first error, an *Error
// with file and line. Auto finds the format out from the first row. The file is
// closed when the loop ends.
func Read(path string, format Format) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for row, err := range ReadRows(path, format) {
			if !yield(row.Record, err) {
				return
			}
		}
	}
}

// ReadRows is Read with the place of every record.
func ReadRows(path string, format Format) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		f, err := os.Open(path)
		if err != nil {
			yield(Row{}, err) // names the file already
			return
		}
		defer f.Close()
		if info, err := f.Stat(); err == nil && info.IsDir() {
			yield(Row{}, &Error{File: path, Err: faultf("is a folder, not a file")})
			return
		}
		Source{Name: path, Format: format}.Decode(f)(yield)
	}
}

// Decode is Read for an open stream, such as an upload; name stands in for the
// file's name in errors.
func Decode(in io.Reader, name string, format Format) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		var parse parser
		for row, err := range rows(in, name) {
			if err == nil && parse == nil {
				parse, err = parserFor(format, row.fields)
			}
			var records []Record
			if err == nil {
				records, err = parse(row.fields)
			}
			if err != nil {
				yield(nil, &Error{File: name, Unit: row.unit, Line: row.number, Err: err})
				return
			}
			for _, r := range records {
				if !yield(r, nil) {
					return
				}
			}
		}
	}
}

// ReadRanked is Read for files that must hold rankings or comparisons only.
func ReadRanked(path string, format Format) iter.Seq2[*Ranked, error] {
	return only[*Ranked](path, Read(path, format), "rankings or comparisons")
}

// ReadPrompts yields the prompt of every record, whatever its kind; equal
// prompts one after another are yielded as often as they come.
func ReadPrompts(path string, format Format) iter.Seq2[*Prompt, error] {
	return CheckPrompts(path, format, func(*Prompt) error { return nil })
}

// CheckPrompts is ReadPrompts up to the first prompt that check refuses, an *Error with file and line.
func CheckPrompts(path string, format Format, check func(*Prompt) error) iter.Seq2[*Prompt, error] {
	return func(yield func(*Prompt, error) bool) {
		for row, err := range ReadRows(path, format) {
			if err != nil {
				yield(nil, err)
				return
			}
			p := PromptOf(row.Record)
			if err := check(p); err != nil {
				yield(nil, &Error{File: path, Unit: row.Unit, Line: row.Line, Err: err})
				return
			}
			if !yield(p, nil) {
				return
			}
		}
	}
}

// ReadDemos is Read for files that must hold demonstrations only.
func ReadDemos(path string, format Format) iter.Seq2[*Demo, error] {
	return only[*Demo](path, Read(path, format), "demonstrations (a prompt and its completion)")
}

// PromptOf is a record's prompt as a record of its own.
func PromptOf(r Record) *Prompt {
	switch r := r.(type) {
	case *Prompt:
		return r
	case *Demo:
		return &Prompt{PromptID: r.PromptID, Prompt: r.Prompt, Split: r.Split, Extra: promptExtra(r.Extra)}
	case *Completions:
		return &Prompt{PromptID: r.PromptID, Prompt: r.Prompt, Extra: promptExtra(r.Extra)}
	case *Ranked:
		return &Prompt{PromptID: r.PromptID, Prompt: r.Prompt, Lang: r.Lang, Split: r.Split, Extra: promptExtra(r.Extra)}
	}
	panic(fmt.Sprintf("prefs: %T is not a record", r))
}

// promptExtra keeps that the prompt was one string.
func promptExtra(extra Fields) Fields {
	if raw, ok := extra.Get("prompt"); ok {
		return Fields{{"prompt", raw}}
	}
	return nil
}

func only[R Record](path string, records iter.Seq2[Record, error], want string) iter.Seq2[R, error] {
	return func(yield func(R, error) bool) {
		var none R
		n := 0
		for r, err := range records {
			n++
			if err != nil {
				yield(none, err)
				return
			}
			typed, ok := r.(R)
			if !ok {
				yield(none, &Error{File: path, Unit: "record", Line: n,
					Err: faultf("is %s, this command needs %s", r.Schema(), want)})
				return
			}
			if !yield(typed, nil) {
				return
			}
		}
	}
}

// parser turns one row into its records (humour rows hold several judgments).
type parser func(Fields) ([]Record, error)

func parserFor(format Format, first Fields) (parser, error) {
	if format == Auto {
		found, err := detect(first)
		if err != nil {
			return nil, err
		}
		format = found
	}
	switch format {
	case FormatRanked:
		return withSchema(SchemaRanked, decodeRanked), nil
	case FormatPrompt:
		return withSchema(SchemaPrompt, decodePromptRecord), nil
	case FormatDemo:
		return withSchema(SchemaDemo, decodeDemo), nil
	case FormatCompletions:
		return withSchema(SchemaCompletions, decodeCompletions), nil
	case FormatTRL:
		return parseTRL, nil
	case FormatTRLImplicit:
		return parseImplicit, nil
	case FormatHH:
		return parseHH, nil
	case FormatHumour:
		return parseHumour, nil
	}
	return nil, faultf("unknown format %q, known are %s", format, formatNames())
}

// withSchema checks the schema member of agora's own records.
func withSchema[R Record](schema string, decode func(Fields) (R, error)) parser {
	return func(row Fields) ([]Record, error) {
		raw, ok := row.Get("schema")
		if !ok {
			return nil, fieldErrorf("schema", "is missing, expected %q", schema)
		}
		var got string
		if err := decodeString(raw, &got); err != nil {
			return nil, &FieldError{"schema", err}
		}
		if got != schema {
			return nil, fieldErrorf("schema", "is %q, expected %q", got, schema)
		}
		r, err := decode(row)
		if err != nil {
			return nil, err
		}
		return []Record{r}, nil
	}
}
