package labeler

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// ConfigField describes one setting of a training, as `agora config schema KIND --json` prints it.
type ConfigField struct {
	Name    string          `json:"name"`
	Type    string          `json:"type"` // int, float, string, bool, or a list of one of them
	Unit    string          `json:"unit"` // words parted by | are the values to choose from
	Default json.RawMessage `json:"default"`
	Help    string          `json:"help"`
}

// choices are the values to choose from, nil when any value may be typed.
func (f ConfigField) choices() []string {
	if f.Type != "string" || !strings.Contains(f.Unit, "|") {
		return nil
	}
	return strings.Split(f.Unit, "|")
}

// defaultText is the default as a person would type it.
func (f ConfigField) defaultText() string { return jsonText(f.Default) }

func jsonText(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}

// Schema describes the settings of a kind of training. With sets, key=value, it first checks those
// as the training would, and returns a *SettingError for what it would refuse. The site never
// imports the trainers: it asks the program.
type Schema func(ctx context.Context, kind string, sets ...string) ([]ConfigField, error)

// SettingError is a training's refusal of its settings, in one line that names the setting.
type SettingError struct{ Line string }

func (e *SettingError) Error() string { return e.Line }

// programSchema asks this very program, once for each kind and each time there is something to check.
func programSchema() Schema {
	var mu sync.Mutex
	known := map[string][]ConfigField{}
	return func(ctx context.Context, kind string, sets ...string) ([]ConfigField, error) {
		if len(sets) > 0 {
			return askProgram(ctx, kind, sets)
		}
		mu.Lock()
		defer mu.Unlock()
		if fields, ok := known[kind]; ok {
			return fields, nil
		}
		fields, err := askProgram(ctx, kind, nil)
		if err == nil {
			known[kind] = fields
		}
		return fields, err
	}
}

func askProgram(ctx context.Context, kind string, sets []string) ([]ConfigField, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	args := []string{"config", "schema", kind, "--json"}
	for _, set := range sets {
		args = append(args, "--set="+set)
	}
	cmd := exec.CommandContext(ctx, program, args...)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err == nil {
		return parseSchema(out)
	}
	line := strings.TrimPrefix(strings.TrimSpace(complaint.String()), "agora: ")
	if len(sets) > 0 && cmd.ProcessState != nil && cmd.ProcessState.ExitCode() == 1 {
		return nil, &SettingError{line}
	}
	return nil, fmt.Errorf("agora config schema %s: %w: %s", kind, err, line)
}

// parseSchema reads {"kind":…,"fields":[…]}.
func parseSchema(out []byte) ([]ConfigField, error) {
	var object struct{ Fields []ConfigField }
	if err := json.Unmarshal(out, &object); err != nil {
		return nil, fmt.Errorf("read the settings' description: %w", err)
	}
	return object.Fields, nil
}
