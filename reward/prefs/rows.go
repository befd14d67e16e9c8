package prefs

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"unicode/utf8"
)

// maxLine bounds one row, so that a foreign file without line ends is refused in
// time and not read into memory as a whole.
const maxLine = 64 << 20

// row is one JSON object of a file and where it stands.
type row struct {
	fields Fields
	unit   string // "line" or "element"
	number int
}

// rows yields the objects of JSON lines or of one JSON array, plain or gzip,
// or, where the name says so, the rows of a table (CSV or TSV). It goes on
// after a bad row; what cannot be read on is its last error.
func rows(in io.Reader, name string) iter.Seq2[row, error] {
	return func(yield func(row, error) bool) {
		r, err := unzip(in)
		if err != nil {
			yield(row{}, err)
			return
		}
		if err := refuseForeign(r); err != nil {
			yield(row{}, err)
			return
		}
		switch b, err := skipBlanks(r); {
		case errors.Is(err, io.EOF):
			yield(row{}, faultf("is empty"))
		case err != nil:
			yield(row{}, readFault(err))
		case isTable(name):
			tableRows(r, name, yield)
		case b == '[':
			arrayRows(r, yield)
		default:
			lineRows(r, yield)
		}
	}
}

// unzip looks at the first bytes, not at the name.
func unzip(in io.Reader) (*bufio.Reader, error) {
	r := bufio.NewReaderSize(in, 1<<16)
	if magic, _ := r.Peek(2); !bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		return r, nil
	}
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, readFault(err)
	}
	return bufio.NewReaderSize(z, 1<<16), nil
}

func refuseForeign(r *bufio.Reader) error {
	head, _ := r.Peek(4)
	switch {
	case bytes.HasPrefix(head, []byte("PAR1")):
		return faultf("is a parquet file; write it as JSON lines first (in Python: dataset.to_json(path))")
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return faultf("is a zip archive; unpack it first")
	case bytes.HasPrefix(head, []byte{0xff, 0xfe}), bytes.HasPrefix(head, []byte{0xfe, 0xff}):
		return faultf("is UTF-16 text; only UTF-8 is read")
	}
	return nil
}

// skipBlanks drops a byte order mark and white space other than line ends (they
// count) and returns the first byte that remains.
func skipBlanks(r *bufio.Reader) (byte, error) {
	if bom, _ := r.Peek(3); bytes.Equal(bom, []byte("\xef\xbb\xbf")) {
		_, _ = r.Discard(3)
	}
	for n := 1; ; n++ {
		head, err := r.Peek(n)
		if len(head) < n {
			return 0, err
		}
		if c := head[n-1]; c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			return c, nil
		}
	}
}

func lineRows(r *bufio.Reader, yield func(row, error) bool) {
	for number := 1; ; number++ {
		at := row{unit: "line", number: number}
		line, err := readLine(r)
		if err != nil && !errors.Is(err, io.EOF) {
			yield(at, readFault(err))
			return
		}
		if text := bytes.TrimSpace(line); len(text) > 0 {
			ferr := parseRow(text, &at.fields)
			if !yield(at, ferr) {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		if len(line) > maxLine {
			return nil, faultf("line is longer than %d MiB", maxLine>>20)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}

func parseRow(text []byte, fields *Fields) error {
	if !utf8.Valid(text) {
		return faultf("is not valid UTF-8")
	}
	if text[0] != '{' {
		return faultf("is not a JSON object")
	}
	return fields.UnmarshalJSON(text)
}

func arrayRows(r io.Reader, yield func(row, error) bool) {
	dec := json.NewDecoder(r)
	_, _ = dec.Token() // the '[' that the caller saw
	number := 1
	for ; dec.More(); number++ {
		at := row{unit: "element", number: number}
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			yield(at, arrayFault(err))
			return
		}
		err := parseRow(raw, &at.fields)
		if !yield(at, err) {
			return
		}
	}
	end := row{unit: "element", number: number}
	switch _, err := dec.Token(); {
	case err != nil:
		yield(end, arrayFault(err))
	case number == 1:
		yield(row{}, faultf("holds an empty list"))
	}
}

func arrayFault(err error) error {
	if errors.Is(err, io.EOF) {
		return faultf("the file ends inside the list (truncated?)")
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, gzip.ErrChecksum) {
		return readFault(err)
	}
	return faultf("broken JSON: %w", err)
}

// readFault words what gzip and the file system say.
func readFault(err error) error {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, gzip.ErrHeader):
		return faultf("ends too early (truncated file?)")
	case errors.Is(err, gzip.ErrChecksum):
		return faultf("gzip checksum does not match (damaged file?)")
	}
	return err
}
