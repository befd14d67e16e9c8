package prefs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Error places a fault in a file.
type Error struct {
	File string // as given by the caller
	Unit string // "line" for JSON lines, "element" for a JSON array; "" where the whole file is at fault
	Line int    // 1-based
	Err  error
}

func (e *Error) Error() string {
	switch e.Unit {
	case "":
		return fmt.Sprintf("%s: %v", e.File, e.Err)
	case "line":
		return fmt.Sprintf("%s:%d: %v", e.File, e.Line, e.Err)
	}
	return fmt.Sprintf("%s: %s %d: %v", e.File, e.Unit, e.Line, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// FieldError names the wrong field of a row, for example "completions[2].id".
type FieldError struct {
	Field string
	Err   error
}

func (e *FieldError) Error() string { return fmt.Sprintf("field %s: %v", e.Field, e.Err) }
func (e *FieldError) Unwrap() error { return e.Err }

func fieldErrorf(field, format string, args ...any) *FieldError {
	return &FieldError{field, faultf(format, args...)}
}

// fault says what is wrong, in English or by its Sentence in another language.
type fault struct {
	format string
	args   []any
}

// faultf is fmt.Errorf for a fault of a file. Formats are literals: the catalogue of views translates each.
func faultf(format string, args ...any) error { return &fault{format, args} }

func (f *fault) Error() string { return fmt.Errorf(f.format, f.args...).Error() }
func (f *fault) Unwrap() error { return errors.Unwrap(fmt.Errorf(f.format, f.args...)) }

// Sentence is the fault as a format and what fills it in, which may be faults themselves.
func (f *fault) Sentence() (format string, args []any) { return f.format, f.args }

// within prefixes a field's name with its parent's.
func within(parent string, err error) error {
	var fe *FieldError
	var ee *elementError
	switch {
	case errors.As(err, &fe):
		return &FieldError{parent + "." + fe.Field, fe.Err}
	case errors.As(err, &ee):
		return &FieldError{parent + ee.suffix, ee.err}
	}
	return &FieldError{parent, err}
}

// jsonKind is the type of a JSON value as it appears in messages.
type jsonKind string

// kind names the type of a value; a number's says which it is.
func kind(raw json.RawMessage) jsonKind {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 {
		return "nothing"
	}
	switch raw[0] {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case '"':
		return "a string"
	case 't', 'f':
		return "true or false"
	case 'n':
		return "null"
	}
	return theNumber + jsonKind(raw)
}

const theNumber = "the number "

// Sentence is the name as the format of a fault is.
func (k jsonKind) Sentence() (format string, args []any) {
	if n, ok := strings.CutPrefix(string(k), theNumber); ok {
		return theNumber + "%s", []any{n}
	}
	return string(k), nil
}
