package policy

import "fmt"

// MaxSteps is how many optimizer steps a run may have.
const MaxSteps = 1e9

// CheckSteps refuses so many epochs that nobody could wait for the steps they are.
func CheckSteps(epochs, steps float64) error {
	if !(steps <= MaxSteps) {
		return fmt.Errorf("epochs %g would be %.3g steps of this data; a run has at most %.0e", epochs, steps, float64(MaxSteps))
	}
	return nil
}
