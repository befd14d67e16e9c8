package prefs

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// Field is one member of a JSON object, its value exactly as written.
type Field struct {
	Name  string
	Value json.RawMessage
}

// Fields is a JSON object in file order. It marshals to and from that object,
// so a database can store it in one text column.
type Fields []Field

// Get returns the value of a member and whether it is there.
func (f Fields) Get(name string) (json.RawMessage, bool) {
	for i := range f {
		if f[i].Name == name {
			return f[i].Value, true
		}
	}
	return nil, false
}

// Has says whether every named member is there.
func (f Fields) Has(names ...string) bool {
	for _, name := range names {
		if _, ok := f.Get(name); !ok {
			return false
		}
	}
	return true
}

// Set replaces a member or appends it.
func (f *Fields) Set(name string, value json.RawMessage) {
	for i := range *f {
		if (*f)[i].Name == name {
			(*f)[i].Value = value
			return
		}
	}
	*f = append(*f, Field{name, value})
}

// Without returns the members whose names are not listed, in order.
func (f Fields) Without(names ...string) Fields {
	var kept Fields
next:
	for _, field := range f {
		for _, name := range names {
			if field.Name == name {
				continue next
			}
		}
		kept = append(kept, field)
	}
	return kept
}

// MarshalJSON writes the object in order.
func (f Fields) MarshalJSON() ([]byte, error) {
	o := objectWriter{}
	for _, field := range f {
		o.raw(field.Name, field.Value)
	}
	return o.close()
}

// UnmarshalJSON reads an object and keeps its order. Doubled names are errors.
func (f *Fields) UnmarshalJSON(data []byte) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	tok, err := dec.Token()
	if err != nil {
		return jsonFault(err)
	}
	if tok == nil {
		*f = nil
		return nil
	}
	if tok != json.Delim('{') {
		return faultf("not a JSON object")
	}
	*f = nil
	seen := map[string]bool{}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return jsonFault(err)
		}
		name := key.(string) // the decoder has checked that keys are strings
		if seen[name] {
			return faultf("member %q appears twice", name)
		}
		seen[name] = true
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return jsonFault(err)
		}
		*f = append(*f, Field{name, value})
	}
	if _, err := dec.Token(); err != nil {
		return jsonFault(err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return faultf("more than one JSON value on the line")
	}
	return nil
}

// jsonFault words the decoder's end-of-input errors for people.
func jsonFault(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return faultf("broken JSON: the line ends too early (truncated file?)")
	}
	return faultf("broken JSON: %w", err)
}

// objectWriter builds one JSON object without escaping <, > and &.
type objectWriter struct {
	buf bytes.Buffer
	err error // the first value that JSON cannot hold
}

func (o *objectWriter) name(name string) {
	if o.buf.Len() == 0 {
		o.buf.WriteByte('{')
	} else {
		o.buf.WriteByte(',')
	}
	o.buf.Write(encode(name))
	o.buf.WriteByte(':')
}

func (o *objectWriter) raw(name string, value json.RawMessage) {
	o.name(name)
	if len(value) == 0 {
		value = json.RawMessage("null")
	}
	_ = json.Compact(&o.buf, value) // raw values have been through the decoder
}

func (o *objectWriter) value(name string, v any) {
	o.name(name)
	text, err := marshal(v)
	if err != nil && o.err == nil { // a NaN, say
		o.err = &FieldError{name, err}
	}
	o.buf.Write(text)
}

func (o *objectWriter) close() ([]byte, error) {
	if o.buf.Len() == 0 {
		return []byte("{}"), o.err
	}
	o.buf.WriteByte('}')
	return o.buf.Bytes(), o.err
}

// marshal is json.Marshal without HTML escaping.
func marshal(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}

// encode is marshal for what cannot fail: texts, and values that were read from JSON.
func encode(v any) []byte {
	text, err := marshal(v)
	if err != nil {
		panic("prefs: cannot encode: " + err.Error())
	}
	return text
}
