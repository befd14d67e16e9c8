package prefs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
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
	return &FieldError{field, fmt.Errorf(format, args...)}
}

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

// kind names the type of a JSON value as it appears in messages.
func kind(raw json.RawMessage) string {
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
	return "the number " + string(raw)
}
