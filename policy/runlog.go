package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"agora/policy/checkpoint"
)

func appendTo(dir, name string) (*os.File, error) {
	return os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
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
