package agree

import "math"

// Truth is what a model of labelers makes of a table: the likely value of every unit and how each
// labeler gets there. Unnamed labels are left out, since nothing can be learned of their givers.
type Truth struct {
	Posterior  [][]float64 // by unit and value; nil for units without a named labeler
	Competence []float64   // by labeler: Dawid–Skene, chance of the true value; MACE, share not guessed
	LogLik     float64
	Iterations int
}

// Confusion is a Dawid–Skene fit.
type Confusion struct {
	Truth
	Prior  []float64     // by value
	Errors [][][]float64 // by labeler, true value, given value
}

// tiny keeps logarithms finite, as crowd-kit has it.
const tiny = 1e-10

// DawidSkene estimates the true values and every labeler's confusion matrix by EM from the shares
// of votes (Dawid and Skene 1979). It stops when the evidence lower bound per label rises by less
// than tol. Disagreement that is taste, not error, does not belong in it: use it for flags and facts.
func (t *Table) DawidSkene(iterations int, tol float64) Confusion {
	f := Confusion{Truth: Truth{Posterior: t.voteShares()}}
	t.maximise(&f)
	last := math.Inf(-1)
	for f.Iterations < iterations {
		f.Iterations++
		t.expect(&f)
		t.maximise(&f)
		bound := t.lowerBound(&f) / float64(len(t.Cells))
		if bound-last < tol {
			break
		}
		last = bound
	}
	f.LogLik = t.expect(&f)
	f.Competence = make([]float64, len(t.Labelers))
	for l, matrix := range f.Errors {
		for v, p := range f.Prior {
			f.Competence[l] += p * matrix[v][v]
		}
	}
	return f
}

// voteShares is the share of each value among a unit's named labels.
func (t *Table) voteShares() [][]float64 {
	post := make([][]float64, len(t.Units))
	for u := range t.Units {
		row, n := make([]float64, len(t.Values)), 0.0
		for _, c := range t.unit(u) {
			if c.Labeler >= 0 {
				row[c.Value]++
				n++
			}
		}
		if n == 0 {
			continue
		}
		for v := range row {
			row[v] /= n
		}
		post[u] = row
	}
	return post
}

// maximise sets prior and confusion matrices from the posteriors. A value that a labeler never gave
// has chance 0 for them; of the others none is below tiny, so that a class they never met says nothing.
func (t *Table) maximise(f *Confusion) {
	k := len(t.Values)
	f.Prior = make([]float64, k)
	f.Errors = make([][][]float64, len(t.Labelers))
	for l := range f.Errors {
		f.Errors[l] = make([][]float64, k)
		for v := range f.Errors[l] {
			f.Errors[l][v] = make([]float64, k)
		}
	}
	units := 0.0
	for u, row := range f.Posterior {
		if row == nil {
			continue
		}
		units++
		for v, p := range row {
			f.Prior[v] += p
			for _, c := range t.unit(u) {
				if c.Labeler >= 0 {
					f.Errors[c.Labeler][v][c.Value] += p
				}
			}
		}
	}
	for v := range f.Prior {
		f.Prior[v] = max(f.Prior[v]/units, tiny)
	}
	for l, matrix := range f.Errors {
		for _, given := range matrix {
			sum := 0.0
			for g := range given {
				if t.gave(l, g) {
					given[g] = max(given[g], tiny)
				}
				sum += given[g]
			}
			for g := range given {
				given[g] /= sum
			}
		}
	}
}

// gave says whether a labeler ever gave a value.
func (t *Table) gave(labeler, value int) bool {
	if t.given == nil {
		t.given = make([][]bool, len(t.Labelers))
		for l := range t.given {
			t.given[l] = make([]bool, len(t.Values))
		}
		for _, c := range t.Cells {
			if c.Labeler >= 0 {
				t.given[c.Labeler][c.Value] = true
			}
		}
	}
	return t.given[labeler][value]
}

// expect sets the posteriors and returns the log-likelihood.
func (t *Table) expect(f *Confusion) float64 {
	total := 0.0
	for u, row := range f.Posterior {
		if row == nil {
			continue
		}
		for v := range row {
			row[v] = math.Log(f.Prior[v])
			for _, c := range t.unit(u) {
				if c.Labeler >= 0 {
					row[v] += math.Log(f.Errors[c.Labeler][v][c.Value])
				}
			}
		}
		total += normaliseLogs(row)
	}
	return total
}

// lowerBound is the expected log-probability of labels and truth plus the posteriors' entropy.
func (t *Table) lowerBound(f *Confusion) float64 {
	total := 0.0
	for u, row := range f.Posterior {
		for v, p := range row {
			joint := math.Log(f.Prior[v])
			for _, c := range t.unit(u) {
				if c.Labeler >= 0 {
					joint += math.Log(f.Errors[c.Labeler][v][c.Value])
				}
			}
			total += p*joint - max(p, tiny)*math.Log(max(p, tiny))
		}
	}
	return total
}

// normaliseLogs turns logarithms into probabilities that sum to 1 and returns the logarithm of
// what they summed to.
func normaliseLogs(row []float64) float64 {
	top := math.Inf(-1)
	for _, x := range row {
		top = max(top, x)
	}
	sum := 0.0
	for v, x := range row {
		row[v] = math.Exp(x - top)
		sum += row[v]
	}
	for v := range row {
		row[v] /= sum
	}
	return top + math.Log(sum)
}

// Best is the most likely value of every unit, NaN where nothing is known. Equally likely values:
// the lowest.
func (t *Table) Best(f Truth) []float64 {
	best := make([]float64, len(t.Units))
	for u, row := range f.Posterior {
		best[u] = math.NaN()
		top := math.Inf(-1)
		for v, p := range row {
			if p > top+1e-12 {
				top, best[u] = p, t.Values[v]
			}
		}
	}
	return best
}
