package guard

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
)

// ReadLog reads some metrics of a run's metrics.jsonl by step, in the order of names. A step that lacks one of them
// is left out.
func ReadLog(path string, names ...string) ([][]float64, error) {
	var out [][]float64
	err := eachLine(path, func(_ int, values map[string]float64) {
		row := make([]float64, 0, len(names))
		for _, name := range names {
			if v, ok := values[name]; ok {
				row = append(row, v)
			}
		}
		if len(row) == len(names) {
			out = append(out, row)
		}
	})
	return out, err
}

// eachLine visits the lines {"step":…,"time":…,name:number,…} of a run's metrics.jsonl.
func eachLine(path string, visit func(step int, values map[string]float64)) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	n := 0
	for line := range bytes.Lines(data) {
		n++
		var row map[string]any
		if err := json.Unmarshal(line, &row); err != nil {
			return fmt.Errorf("%s:%d: %w", path, n, err)
		}
		values := map[string]float64{}
		for name, v := range row {
			if x, ok := v.(float64); ok {
				values[name] = x
			}
		}
		visit(int(values["step"]), values)
	}
	return nil
}
