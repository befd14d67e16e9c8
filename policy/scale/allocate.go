package scale

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Allocation is how one method spends the compute.
type Allocation struct {
	Method         string   `json:"method"`
	Source         string   `json:"source"`
	Recommended    bool     `json:"recommended"`
	Params         float64  `json:"params"`
	Tokens         float64  `json:"tokens"`
	TokensPerParam float64  `json:"tokens_per_param"`
	Flops          float64  `json:"flops"` // 6 · params · tokens
	ExponentN      float64  `json:"a"`     // params ∝ flops^a
	ExponentD      float64  `json:"b"`
	Loss           *float64 `json:"loss,omitempty"` // nats per token, by the method's own law
	Hours          float64  `json:"hours,omitempty"`
}

// smallestFitted is about the smallest model that the constants were fitted on; below, a plan is an
// extrapolation.
const smallestFitted = 70e6

// Allocate spends flops by every method, or, where params is given, says how many tokens a model of
// that size wants. speed, if not 0, is FLOPs a second, for the time that takes; own, if not nil, is a law
// fitted to one's own runs, which is recommended then.
func Allocate(flops, params, speed float64, own *LawFit) []Allocation {
	var list []Allocation
	best, all := defaultMethod, methods()
	if own != nil {
		best = ownMethod
		all = append([]method{own.law().method(ownMethod, fmt.Sprintf("fitted to %d runs of your own", own.Runs))}, all...)
	}
	for _, m := range all {
		n, d := params, 0.0
		if params > 0 {
			d = m.tokens(n)
		} else {
			n = m.size(flops)
			d = flops / (6 * n)
		}
		a := Allocation{
			Method: m.Name, Source: m.Source, Recommended: m.Name == best, Params: n, Tokens: d, TokensPerParam: d / n,
			Flops: 6 * n * d, ExponentN: m.A, ExponentD: m.B,
		}
		if m.law != nil {
			loss := m.law.loss(n, d)
			a.Loss = &loss
		}
		if speed > 0 {
			a.Hours = a.Flops / speed / 3600
		}
		list = append(list, a)
	}
	return list
}

// check refuses what only a law can give whose exponents the runs do not determine.
func (a Allocation) check() error {
	const most = 1e30
	if !(a.Params >= 1 && a.Params <= most && a.Tokens >= 1 && a.Tokens <= most) {
		return fmt.Errorf("%s puts the optimum at %.3g parameters on %.3g tokens: its runs do not determine a law that reaches this far", a.Method, a.Params, a.Tokens)
	}
	return nil
}

// countRange is what a plan takes: far beyond what anyone has trained on both sides, and no further,
// since a formula has an answer for everything.
type countRange struct {
	what   string
	lo, hi float64
}

var (
	paramsRange = countRange{"parameters", 1e3, 1e15}
	flopsRange  = countRange{"FLOPs", 1e9, 1e30}
)

func (r countRange) check(x float64) error {
	if !(x >= r.lo && x <= r.hi) {
		return fmt.Errorf("%.3g %s are outside of what a plan is for, %.0e to %.0e", x, r.what, r.lo, r.hi)
	}
	return nil
}

// countWithin reads a flag's number.
func countWithin(flag, text string, within countRange) (float64, error) {
	x, err := ParseCount(text)
	if err == nil {
		err = within.check(x)
	}
	if err != nil {
		return 0, fmt.Errorf("%s %w", flag, err)
	}
	return x, nil
}

// TableRow is a row of the published table with what the formulas here give for it.
type TableRow struct {
	Params    float64           `json:"params"`
	Flops     float64           `json:"published_flops"` // approach 1
	Published map[string]Cell   `json:"published"`       // approach → tokens
	Computed  map[string]Beside `json:"computed"`        // method → tokens
}

// Cell is a published number of tokens; null where it is not known here.
type Cell struct {
	Tokens *float64 `json:"tokens"`
}

// Beside is what a method gives, and how far that is from the published cell.
type Beside struct {
	Tokens    float64  `json:"tokens"`
	Deviation *float64 `json:"deviation"` // 0.05 is 5 % more; null without a published cell
}

// Table compares every method with the published rows.
func Table() []TableRow {
	cell := func(x float64) Cell {
		if x == 0 {
			return Cell{}
		}
		return Cell{&x}
	}
	var rows []TableRow
	for _, p := range published() {
		row := TableRow{
			Params: p.Params, Flops: p.Flops1, Computed: map[string]Beside{},
			Published: map[string]Cell{"approach-1": cell(p.Tokens1), "approach-2": cell(p.Tokens2), "approach-3": cell(p.Tokens3)},
		}
		for _, m := range methods() {
			b := Beside{Tokens: m.tokens(p.Params)}
			if want := p.tokens(m.Name); want > 0 {
				dev := b.Tokens/want - 1
				b.Deviation = &dev
			}
			row.Computed[m.Name] = b
		}
		rows = append(rows, row)
	}
	return rows
}

// ParseCount reads 175B, 1.3e9, 400M, 3.7T or 64k.
func ParseCount(text string) (float64, error) {
	factor := 1.0
	number := text
	for suffix, f := range map[string]float64{"k": 1e3, "K": 1e3, "M": 1e6, "B": 1e9, "G": 1e9, "T": 1e12} {
		if rest, ok := strings.CutSuffix(text, suffix); ok {
			number, factor = rest, f
		}
	}
	x, err := strconv.ParseFloat(number, 64)
	if err != nil || !(x > 0) || math.IsInf(x*factor, 0) {
		return 0, fmt.Errorf("%q is no positive number such as 175B, 400M or 1.3e9", text)
	}
	return x * factor, nil
}
