package agree

import (
	"fmt"
	"math"
	"slices"
)

// Label is one person's value for one unit: a pair of completions (−1, 0, +1), a
// completion's rating, a flag (0 or 1), a class number.
type Label struct {
	Item    string  // what is resampled together, such as the prompt; "" is the unit itself
	Unit    string  // what was judged
	Labeler string  // "" where the source does not say who it was
	Value   float64 // NaN is a missing value
}

// Table is labels by unit, with names and values replaced by indices.
type Table struct {
	Items    []string
	Labelers []string  // named ones, in order of appearance
	Units    []string  // in order of appearance
	Values   []float64 // the distinct values, ascending
	Cells    []Cell    // grouped by unit, in the order of Units
	HalfTies bool      // a tie (0) beside another value is half equal in Percent; set by the caller
	Weight   []float64 // by labeler, mean 1: how much their labels count in the coefficients; nil: all alike
	Repeats  int       // further labels of one person for one unit; only the first counts

	itemOf []int    // by unit
	given  [][]bool // by labeler and value: whether it was ever given; made when first asked for
	start  []int    // Cells[start[u]:start[u+1]] are of unit u
}

// Cell is one label in a Table.
type Cell struct {
	Unit    int
	Labeler int // index in Labelers, −1 for an unnamed person, each another one
	Value   int // index in Values
}

// NewTable gathers labels. Missing values are left out; a person's second label for a unit
// says something about that person, not about agreement, and is only counted. It fails on an
// infinite value and on a unit that belongs to two items.
func NewTable(labels []Label) (*Table, error) {
	t := &Table{}
	units, labelers, items := index{}, index{}, index{}
	seen := map[[2]int]bool{}
	var raw []float64
	for _, l := range labels {
		switch {
		case math.IsNaN(l.Value):
			continue
		case math.IsInf(l.Value, 0):
			return nil, fmt.Errorf("unit %q: the value is infinite", l.Unit)
		}
		u := units.of(l.Unit, &t.Units)
		item := l.Item
		if item == "" {
			item = l.Unit
		}
		i := items.of(item, &t.Items)
		if u == len(t.itemOf) {
			t.itemOf = append(t.itemOf, i)
		} else if t.itemOf[u] != i {
			return nil, fmt.Errorf("unit %q belongs to item %q and to item %q", l.Unit, t.Items[t.itemOf[u]], item)
		}
		who := -1
		if l.Labeler != "" {
			who = labelers.of(l.Labeler, &t.Labelers)
			if seen[[2]int{u, who}] {
				t.Repeats++
				continue
			}
			seen[[2]int{u, who}] = true
		}
		t.Cells, raw = append(t.Cells, Cell{Unit: u, Labeler: who}), append(raw, l.Value)
	}
	t.indexValues(raw)
	t.groupByUnit()
	return t, nil
}

// indexValues fills Values and each cell's index in it.
func (t *Table) indexValues(raw []float64) {
	t.Values = slices.Clone(raw)
	slices.Sort(t.Values)
	t.Values = slices.Compact(t.Values)
	for i := range t.Cells {
		t.Cells[i].Value, _ = slices.BinarySearch(t.Values, raw[i])
	}
}

func (t *Table) groupByUnit() {
	slices.SortStableFunc(t.Cells, func(a, b Cell) int { return a.Unit - b.Unit })
	t.start = make([]int, len(t.Units)+1)
	for _, c := range t.Cells {
		t.start[c.Unit+1]++
	}
	for u := range t.Units {
		t.start[u+1] += t.start[u]
	}
}

// unit is the cells of one unit.
func (t *Table) unit(u int) []Cell { return t.Cells[t.start[u]:t.start[u+1]] }

// weight is how much a labeler counts.
func (t *Table) weight(labeler int) float64 {
	if t.Weight == nil {
		return 1
	}
	return t.Weight[labeler]
}

// WeighBy sets the weights by name; people without one count 1.
func (t *Table) WeighBy(weights map[string]float64) {
	if len(weights) == 0 {
		return
	}
	t.Weight = make([]float64, len(t.Labelers))
	for l, name := range t.Labelers {
		t.Weight[l] = 1
		if w, ok := weights[name]; ok {
			t.Weight[l] = w
		}
	}
}

// Shared is how many units at least two people labeled: the ones that agreement is about.
func (t *Table) Shared() int {
	n := 0
	for u := range t.Units {
		if len(t.unit(u)) > 1 {
			n++
		}
	}
	return n
}

// index numbers names in order of appearance.
type index map[string]int

func (x index) of(name string, names *[]string) int {
	i, ok := x[name]
	if !ok {
		i = len(*names)
		x[name] = i
		*names = append(*names, name)
	}
	return i
}
