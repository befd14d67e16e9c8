package prefs

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// isTable tells a table from JSON by the file's name: .csv or .tsv, also with .gz.
func isTable(name string) bool {
	switch strings.ToLower(filepath.Ext(strings.TrimSuffix(strings.ToLower(name), ".gz"))) {
	case ".csv", ".tsv":
		return true
	}
	return false
}

// tableRows yields a table's rows as objects of strings, by the names in its first line.
func tableRows(r *bufio.Reader, name string, yield func(row, error) bool) {
	table := csv.NewReader(r)
	table.Comma, table.ReuseRecord = separator(r, name), true
	head, err := table.Read()
	if err != nil {
		yield(row{unit: "line", number: 1}, tableFault(err))
		return
	}
	columns, err := columnNames(head)
	if err != nil {
		yield(row{unit: "line", number: 1}, err)
		return
	}
	table.FieldsPerRecord = len(columns)
	for {
		cells, err := table.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		at := row{unit: "line"}
		var parse *csv.ParseError
		switch {
		case errors.As(err, &parse):
			at.number = parse.StartLine
		case err == nil:
			at.number, _ = table.FieldPos(0)
		}
		if err == nil {
			at.fields, err = cellFields(columns, cells)
		} else {
			err = tableFault(err)
		}
		if !yield(at, err) || parse != nil && !errors.Is(parse.Err, csv.ErrFieldCount) || err != nil && at.number == 0 {
			return // a broken quote swallows the lines after it
		}
	}
}

// separator is a tab for .tsv; for .csv it is what the first line has most of.
func separator(r *bufio.Reader, name string) rune {
	if strings.Contains(strings.ToLower(name), ".tsv") {
		return '\t'
	}
	head, _ := r.Peek(r.Size()) // as much as there is
	line, _, _ := bytes.Cut(head, []byte("\n"))
	best, most := ',', bytes.Count(line, []byte(","))
	for _, c := range ";\t|" {
		if n := bytes.Count(line, []byte(string(c))); n > most {
			best, most = c, n
		}
	}
	return best
}

func columnNames(head []string) ([]string, error) {
	names, seen := make([]string, len(head)), map[string]bool{}
	for i, h := range head {
		names[i] = strings.TrimSpace(h)
		switch {
		case names[i] == "":
			return nil, faultf("column %d has no name in the first line", i+1)
		case seen[names[i]]:
			return nil, faultf("column %q stands twice in the first line", names[i])
		}
		seen[names[i]] = true
	}
	return names, nil
}

func cellFields(columns, cells []string) (Fields, error) {
	f := make(Fields, len(columns))
	for i, name := range columns {
		if !utf8.ValidString(cells[i]) {
			return nil, fieldErrorf(name, "is not valid UTF-8")
		}
		f[i] = Field{name, encode(cells[i])}
	}
	return f, nil
}

// tableFault words what the csv reader says.
func tableFault(err error) error {
	var parse *csv.ParseError
	if !errors.As(err, &parse) {
		return readFault(err)
	}
	if errors.Is(parse.Err, csv.ErrFieldCount) {
		return faultf("has another number of columns than the first line")
	}
	return faultf("broken table: %w", parse.Err)
}
