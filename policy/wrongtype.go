package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
)

// wrongType says in plain words where a JSON text has a value of the wrong type; encoding/json names Go's types.
func wrongType(err error) error {
	var e *json.UnmarshalTypeError
	if !errors.As(err, &e) {
		return err
	}
	field := e.Field
	if field == "" {
		field = "it"
	}
	return fmt.Errorf("%s is a JSON %s, want %s", field, e.Value, plainType(e.Type))
}

func plainType(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return plainType(t.Elem())
	case reflect.Int32:
		return "a whole number below 2147483648"
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice, reflect.Array:
		return "a list"
	}
	return "an object"
}
