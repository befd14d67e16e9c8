package experiment

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"agora/policy"
)

// curve reads some metrics of a run by step, in order. A step that lacks one of them is left out.
func curve(run string, names ...string) ([][]float64, error) {
	path := filepath.Join(run, policy.MetricsFile)
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var out [][]float64
	scan := bufio.NewScanner(f)
	scan.Buffer(nil, 1<<20)
	for line := 1; scan.Scan(); line++ {
		var values map[string]any
		if err := json.Unmarshal(scan.Bytes(), &values); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, line, err)
		}
		row := make([]float64, 0, len(names))
		for _, name := range names {
			if v, ok := values[name].(float64); ok {
				row = append(row, v)
			}
		}
		if len(row) == len(names) {
			out = append(out, row)
		}
	}
	return out, scan.Err()
}
