package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"agora/policy/checkpoint"
)

func appendTo(dir, name string) (*os.File, error) {
	return os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
}

// Discard takes back what OpenRun made of a run that could not begin, such as for want of memory, and returns why.
// What another process began stays.
func (r *RunDir) Discard(why error) error {
	if !r.begun {
		return why
	}
	for _, name := range []string{RunFile, MetricsFile, SamplesFile} {
		_ = os.Remove(filepath.Join(r.Dir, name))
	}
	_ = os.Remove(r.Dir) // if it is empty now
	return why
}

// settingsDiffer names the settings that two runs have not in common, with the values of both.
func settingsDiffer(was, is any) string {
	old, now := jsonFields(was), jsonFields(is)
	var differ []string
	for _, key := range slices.Sorted(maps.Keys(joined(old, now))) {
		if a, b := old[key], now[key]; !bytes.Equal(a, b) {
			differ = append(differ, fmt.Sprintf("%s %s, now %s", key, orNone(string(a)), orNone(string(b))))
		}
	}
	if len(differ) == 0 {
		return "compare config in " + RunFile
	}
	return strings.Join(differ, "; ")
}

func joined(a, b map[string]json.RawMessage) map[string]json.RawMessage {
	all := maps.Clone(b)
	maps.Copy(all, a)
	return all
}

// jsonFields are the members of an object as text, none of anything else.
func jsonFields(v any) map[string]json.RawMessage {
	fields := map[string]json.RawMessage{}
	if data, err := json.Marshal(v); err != nil || json.Unmarshal(data, &fields) != nil {
		return map[string]json.RawMessage{}
	}
	return fields
}

// writeLine appends one JSON line in one write.
func writeLine(f *os.File, v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("%s: %w", f.Name(), err)
	}
	_, err := f.Write(b.Bytes())
	return err
}

// rewind drops the lines after step, which will be computed again, and a half-written last line.
func rewind(path string, step int) error {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	kept := make([]byte, 0, len(data))
	for line := range bytes.Lines(data) {
		var row struct {
			Step int `json:"step"`
		}
		if json.Unmarshal(line, &row) == nil && row.Step <= step && bytes.HasSuffix(line, []byte("\n")) {
			kept = append(kept, line...)
		}
	}
	if len(kept) == len(data) {
		return nil
	}
	return checkpoint.WriteFile(path, kept)
}
