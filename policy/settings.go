package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// Settings structs are flat: one struct per kind of run, every field with
//
//	toml:"learning_rate" unit:"1/step" help:"peak of the schedule"
//
// and defaults from the struct as it is handed in.

// Presetter is a settings struct with named starting points. LoadConfig applies the preset that the
// file or key=value names before anything else they say.
type Presetter interface {
	ApplyPreset(name string) error
}

// Validator is a settings struct that can check itself; LoadConfig calls it last.
type Validator interface{ Validate() error }

// LoadConfig fills dst, a pointer to a settings struct that holds the defaults, from a TOML file (""
// for none) and then from key=value settings. Unknown keys are errors that name them. A value is
// TOML; a string needs no quotes.
func LoadConfig(dst any, file string, sets []string) error {
	var text []byte
	if file != "" {
		var err error
		if text, err = os.ReadFile(file); err != nil {
			return err
		}
	}
	if p, ok := dst.(Presetter); ok {
		name, err := presetIn(file, text, sets)
		if err != nil {
			return err
		}
		if name != "" {
			if err := p.ApplyPreset(name); err != nil {
				return err
			}
		}
	}
	if err := decodeStrict(text, dst); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	for _, set := range sets {
		if err := setOne(dst, set); err != nil {
			return err
		}
	}
	for _, f := range Schema(dst) {
		if err := finite(f); err != nil {
			return err
		}
	}
	if v, ok := dst.(Validator); ok {
		return v.Validate()
	}
	return nil
}

// finite refuses what TOML can write and no setting can mean.
func finite(f Field) error {
	var all []float64
	switch x := f.Default.(type) {
	case float64:
		all = []float64{x}
	case []float64:
		all = x
	}
	for _, x := range all {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return fmt.Errorf("%s %v is no number to work with", f.Name, x)
		}
	}
	return nil
}

// presetIn looks for the key "preset" without minding the others.
func presetIn(file string, text []byte, sets []string) (string, error) {
	var c struct {
		Preset string `toml:"preset"`
	}
	if err := toml.Unmarshal(text, &c); err != nil {
		return "", fmt.Errorf("%s: %w", file, tomlError(err))
	}
	for _, set := range sets {
		if name, ok := strings.CutPrefix(set, "preset="); ok {
			c.Preset = strings.Trim(name, `"'`)
		}
	}
	return c.Preset, nil
}

func decodeStrict(text []byte, dst any) error {
	d := toml.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	return tomlError(d.Decode(dst))
}

// setOne applies key=value: as TOML, or else as a bare string, or as a list of them with commas between.
func setOne(dst any, set string) error {
	key, value, ok := strings.Cut(set, "=")
	key = strings.TrimSpace(key)
	if !ok || key == "" || strings.ContainsAny(key, ". \t\n\"'[]") {
		return fmt.Errorf("--set %q: want key=value", set)
	}
	err := decodeStrict([]byte(key+" = "+value), dst)
	if err == nil || unknownKey(err) {
		return wrapSet(set, err)
	}
	if decodeStrict(fmt.Appendf(nil, "%s = %q", key, value), dst) == nil {
		return nil
	}
	var list []string
	for _, item := range strings.Split(value, ",") {
		list = append(list, fmt.Sprintf("%q", strings.TrimSpace(item)))
	}
	if decodeStrict(fmt.Appendf(nil, "%s = [%s]", key, strings.Join(list, ", ")), dst) == nil {
		return nil
	}
	return wrapSet(set, err)
}

func wrapSet(set string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("--set %s: %w", set, err)
}

var errUnknownKey = errors.New("unknown setting")

func unknownKey(err error) bool { return errors.Is(err, errUnknownKey) }

// tomlError turns the library's errors into one line with key or line number.
func tomlError(err error) error {
	var strict *toml.StrictMissingError
	if errors.As(err, &strict) {
		var keys []string
		for _, e := range strict.Errors {
			keys = append(keys, strings.Join(e.Key(), "."))
		}
		return fmt.Errorf("%w %s", errUnknownKey, strings.Join(keys, ", "))
	}
	var decode *toml.DecodeError
	if errors.As(err, &decode) {
		line, _ := decode.Position()
		return fmt.Errorf("line %d: %s", line, strings.TrimPrefix(decode.Error(), "toml: "))
	}
	return err
}

// Field describes one setting, for forms and for `agora config schema`.
type Field struct {
	Name    string `json:"name"`
	Type    string `json:"type"` // int, float, string, bool, or a list of one of them
	Unit    string `json:"unit"`
	Default any    `json:"default"`
	Help    string `json:"help"`
}

// Schema lists the fields of a settings struct, or of a pointer to one, with the values it holds as
// the defaults.
func Schema(cfg any) []Field {
	v := reflect.Indirect(reflect.ValueOf(cfg))
	var out []Field
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.Anonymous { // settings that several kinds of run share, as LoRA
			out = append(out, Schema(v.Field(i).Interface())...)
			continue
		}
		name := f.Tag.Get("toml")
		if name == "" || name == "-" {
			continue
		}
		out = append(out, Field{
			Name: name, Type: typeName(f.Type), Unit: f.Tag.Get("unit"),
			Default: v.Field(i).Interface(), Help: f.Tag.Get("help"),
		})
	}
	return out
}

// Named is a settings struct as a map from the names that people write to values; what run.json and
// agora.json keep. Anything that is no such struct is returned as it is.
func Named(cfg any) any {
	if reflect.Indirect(reflect.ValueOf(cfg)).Kind() != reflect.Struct {
		return cfg
	}
	named := make(map[string]any)
	for _, f := range Schema(cfg) {
		named[f.Name] = f.Default
	}
	if len(named) == 0 {
		return cfg
	}
	return named
}

func typeName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Slice:
		return "list of " + typeName(t.Elem())
	case reflect.Float64, reflect.Float32:
		return "float"
	case reflect.Int, reflect.Int64, reflect.Int32, reflect.Uint64, reflect.Uint32:
		return "int"
	}
	return t.Kind().String()
}

// Sets renders settings as key=value, sorted by key, for LoadConfig: each value the way a person would
// type it after --set key=.
func Sets(config map[string]any) []string {
	var sets []string
	for key, value := range config {
		sets = append(sets, key+"="+typed(value))
	}
	slices.Sort(sets)
	return sets
}

func typed(value any) string {
	if s, ok := value.(string); ok {
		return s
	}
	b, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(b)
}
