package prefs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
)

// objectReader takes the known members out of a row, keeps the first error, and
// collects the rest in Extra.
type objectReader struct {
	row   Fields
	extra Fields
	known map[string]bool
	err   error
}

func newReader(row Fields) *objectReader {
	return &objectReader{row: row, known: map[string]bool{}}
}

// take decodes a member if it is there. Values written out empty go to Extra as
// well, so that they are written again.
func take[T any](o *objectReader, name string, dst *T, decode func(json.RawMessage, *T) error) {
	o.known[name] = true
	raw, ok := o.row.Get(name)
	if !ok || o.err != nil {
		return
	}
	if isEmpty(raw) {
		o.extra.Set(name, raw)
	}
	if isNull(raw) {
		return
	}
	if err := decode(raw, dst); err != nil {
		o.err = within(name, err)
	}
}

// rest finishes the row: unknown members follow the empty ones in Extra.
func (o *objectReader) rest() (Fields, error) {
	for _, f := range o.row {
		if !o.known[f.Name] {
			o.extra = append(o.extra, f)
		}
	}
	return o.extra, o.err
}

func isNull(raw json.RawMessage) bool { return string(bytes.TrimSpace(raw)) == "null" }

func isEmpty(raw json.RawMessage) bool {
	var compact bytes.Buffer
	if len(raw) > 16 || json.Compact(&compact, raw) != nil {
		return false
	}
	switch compact.String() {
	case "null", `""`, "[]", "{}", "false":
		return true
	}
	return false
}

func decodeString(raw json.RawMessage, dst *string) error {
	if json.Unmarshal(raw, dst) != nil {
		return faultf("must be a string, is %s", kind(raw))
	}
	return nil
}

func decodeBool(raw json.RawMessage, dst *bool) error {
	if json.Unmarshal(raw, dst) != nil {
		return faultf("must be true or false, is %s", kind(raw))
	}
	return nil
}

func decodeNumber(raw json.RawMessage, dst **float64) error {
	var v float64
	if json.Unmarshal(raw, &v) != nil || math.IsInf(v, 0) {
		return faultf("must be a number, is %s", kind(raw))
	}
	*dst = &v
	return nil
}

func decodeInt(raw json.RawMessage, dst **int) error {
	var v float64
	if json.Unmarshal(raw, &v) != nil || v != math.Trunc(v) || math.Abs(v) > 1<<52 {
		return faultf("must be a whole number, is %s", kind(raw))
	}
	n := int(v)
	*dst = &n
	return nil
}

func decodeInt64(raw json.RawMessage, dst **int64) error {
	var n *int
	if err := decodeInt(raw, &n); err != nil {
		return err
	}
	v := int64(*n)
	*dst = &v
	return nil
}

func decodeFields(raw json.RawMessage, dst *Fields) error {
	if kind(raw) != "an object" {
		return faultf("must be an object, is %s", kind(raw))
	}
	return dst.UnmarshalJSON(raw)
}

// decodeList reads a list whose elements decode reads one by one.
func decodeList[T any](decode func(json.RawMessage, *T) error) func(json.RawMessage, *[]T) error {
	return func(raw json.RawMessage, dst *[]T) error {
		var elements []json.RawMessage
		if json.Unmarshal(raw, &elements) != nil {
			return faultf("must be a list, is %s", kind(raw))
		}
		*dst = make([]T, len(elements))
		for i, e := range elements {
			if err := decode(e, &(*dst)[i]); err != nil {
				return indexed(i, err)
			}
		}
		return nil
	}
}

// indexed turns the error of element i into a FieldError that starts with "[i]",
// which within joins to the list's name.
func indexed(i int, err error) error {
	if fe, ok := err.(*FieldError); ok {
		return &elementError{fmt.Sprintf("[%d].%s", i, fe.Field), fe.Err}
	}
	return &elementError{fmt.Sprintf("[%d]", i), err}
}

// elementError is a FieldError whose name is joined without a dot.
type elementError struct {
	suffix string
	err    error
}

func (e *elementError) Error() string { return e.suffix + ": " + e.err.Error() }
func (e *elementError) Unwrap() error { return e.err }

// decodeRank reads a rank or null.
func decodeRank(raw json.RawMessage, dst **int) error {
	if isNull(raw) {
		return nil
	}
	return decodeInt(raw, dst)
}

func decodeGroups(raw json.RawMessage, dst *map[string]*string) error {
	var fields Fields
	if err := decodeFields(raw, &fields); err != nil {
		return err
	}
	*dst = make(map[string]*string, len(fields))
	for _, f := range fields {
		if isNull(f.Value) {
			(*dst)[f.Name] = nil
			continue
		}
		var v string
		if err := decodeString(f.Value, &v); err != nil {
			return &FieldError{f.Name, err}
		}
		(*dst)[f.Name] = &v
	}
	return nil
}
