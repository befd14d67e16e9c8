package labeler

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"agora/labeler/agree"
)

// labelColumns are the names that a table of labels may give its columns.
var labelColumns = [3][]string{
	{"item", "unit", "task", "item_id", "instance_id"},
	{"labeler", "worker", "annotator", "rater", "user_id", "worker_id"},
	{"value", "label", "rating"},
}

// readLabels reads a CSV table with one label a line; its first line names the columns. Values
// that are not numbers throughout are names: numbered in alphabetical order, without distance.
func readLabels(file string) (labels []agree.Label, named bool, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, false, err
	}
	defer f.Close()
	in := csv.NewReader(f)
	in.ReuseRecord = true
	header, err := in.Read()
	if errors.Is(err, io.EOF) {
		return nil, false, fmt.Errorf("%s is empty", file)
	}
	if err != nil {
		return nil, false, fmt.Errorf("%s: %w", file, err)
	}
	var at [3]int
	for i, names := range labelColumns {
		at[i] = slices.IndexFunc(header, func(h string) bool {
			return slices.Contains(names, strings.ToLower(strings.TrimSpace(strings.TrimPrefix(h, "\ufeff"))))
		})
		if at[i] < 0 {
			return nil, false, fmt.Errorf("%s: line 1 names no column %s", file, strings.Join(names, ", "))
		}
	}
	var values []string
	for {
		row, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, false, fmt.Errorf("%s: %w", file, err)
		}
		if v := strings.TrimSpace(row[at[2]]); v != "" { // an empty cell is a missing value
			labels = append(labels, agree.Label{Unit: row[at[0]], Labeler: row[at[1]]})
			values = append(values, v)
		}
	}
	return labels, fillValues(labels, values), nil
}

// fillValues turns the written values into numbers and says whether they were names.
func fillValues(labels []agree.Label, values []string) (named bool) {
	for i, v := range values {
		x, err := strconv.ParseFloat(v, 64)
		if err != nil {
			named = true
			break
		}
		labels[i].Value = x
	}
	if !named {
		return false
	}
	names := slices.Compact(slices.Sorted(slices.Values(values)))
	for i, v := range values {
		n, _ := slices.BinarySearch(names, v)
		labels[i].Value = float64(n)
	}
	return true
}
