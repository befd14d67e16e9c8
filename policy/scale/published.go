package scale

import (
	_ "embed"
	"encoding/csv"
	"strconv"
	"strings"
	"sync"
)

//go:embed chinchilla.csv
var chinchillaCSV string

// publishedRow is a row of the tables of Hoffmann et al. 2022 (Tables 3 and A3): what each approach
// gives for a size. 0 is a cell that is not known here.
type publishedRow struct {
	Params  float64
	Flops1  float64 // approach 1
	Tokens1 float64
	Tokens2 float64
	Tokens3 float64
}

// published are the rows of chinchilla.csv; that they parse was settled when the program was built.
var published = sync.OnceValue(func() []publishedRow {
	lines, err := csv.NewReader(strings.NewReader(chinchillaCSV)).ReadAll()
	if err != nil {
		panic(err)
	}
	var rows []publishedRow
	for _, line := range lines[1:] {
		var x [5]float64
		for i, text := range line {
			if text == "" {
				continue
			}
			if x[i], err = strconv.ParseFloat(text, 64); err != nil {
				panic(err)
			}
		}
		rows = append(rows, publishedRow{x[0], x[1], x[2], x[3], x[4]})
	}
	return rows
})

// tokens is the cell that a method is compared with: each its own approach, the rule with the first,
// Kaplan with none.
func (r publishedRow) tokens(name string) float64 {
	switch name {
	case defaultMethod, "approach-1":
		return r.Tokens1
	case "approach-2":
		return r.Tokens2
	case "kaplan":
		return 0
	}
	return r.Tokens3
}
