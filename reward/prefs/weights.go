package prefs

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Weights says how the weights of a file's rankings were made: raked, so that
// the labelers have the shares of a population.
type Weights struct {
	Method    string                        `json:"method"`
	Targets   map[string]map[string]float64 `json:"targets"` // characteristic → value → share
	Cap       float64                       `json:"cap"`     // largest weight allowed, times the mean; 0: none
	Labelers  int                           `json:"n_labelers"`
	Effective float64                       `json:"n_eff"` // Kish: (Σw)²/Σw²
	Design    float64                       `json:"design_effect"`
	Max       float64                       `json:"max_weight"`
	Trimmed   int                           `json:"n_trimmed"`           // labelers cut at the cap
	Missing   []string                      `json:"unreached,omitempty"` // "age=65+": targets that none of the labelers is known to be in
}

// Raked is the method of Weights.
const Raked = "raking (iterative proportional fitting) of the labelers to the targets; labelers whose group is not known keep their share; mean 1 over labelers"

// writeWeights says how the weights were made.
func (c *Card) writeWeights(b *strings.Builder) {
	w := c.Weights
	if w == nil {
		return
	}
	fmt.Fprintf(b, "## Weights\n\n%s. The %d labelers are worth %.1f equally weighted ones (design effect %.2f); the largest weight is %.2f", w.Method, w.Labelers, w.Effective, w.Design, w.Max)
	if w.Cap > 0 {
		fmt.Fprintf(b, ", %d were cut at %g times the mean", w.Trimmed, w.Cap)
	}
	b.WriteString(".\n\n")
	for _, name := range slices.Sorted(maps.Keys(w.Targets)) {
		var parts []string
		for _, value := range slices.Sorted(maps.Keys(w.Targets[name])) {
			parts = append(parts, fmt.Sprintf("%s %.1f %%", value, 100*w.Targets[name][value]))
		}
		fmt.Fprintf(b, "- target of %s: %s\n", name, strings.Join(parts, ", "))
	}
	if len(w.Missing) > 0 {
		fmt.Fprintf(b, "- not reached, since none of the labelers is known to be in it: %s\n", strings.Join(w.Missing, ", "))
	}
	b.WriteString("\n")
}
