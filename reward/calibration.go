package reward

import (
	"fmt"
	"io"
	"math"
	"slices"

	"agora/policy/plot"
)

// MarginBin is a fifth of the pairs by the size of the score difference.
type MarginBin struct {
	From      float64    `json:"from"` // smallest |difference| of scores
	To        float64    `json:"to"`
	N         int        `json:"n"`
	Predicted float64    `json:"predicted"` // mean σ(|difference|): the accuracy the model claims
	Accuracy  float64    `json:"accuracy"`  // and the one it has
	CI95      [2]float64 `json:"ci95"`
}

// marginBins cuts the pairs into fifths by how far the scores are apart, votes for the same text together.
func marginBins(all []observation) []MarginBin {
	sorted := slices.Clone(all)
	slices.SortStableFunc(sorted, func(a, b observation) int {
		return sign3(math.Abs(a.margin) - math.Abs(b.margin))
	})
	const bins = 5
	var out []MarginBin
	for k := range bins {
		part := sorted[k*len(sorted)/bins : (k+1)*len(sorted)/bins]
		if len(part) == 0 {
			continue
		}
		b := MarginBin{From: math.Abs(part[0].margin), To: math.Abs(part[len(part)-1].margin)}
		for _, o := range part {
			b.N += int(o.people)
			b.Predicted += o.people * sigmoid(math.Abs(o.margin))
			b.Accuracy += o.people * o.right()
		}
		b.Predicted, b.Accuracy = b.Predicted/float64(b.N), b.Accuracy/float64(b.N)
		i := interval(part)
		b.CI95 = [2]float64{i.Lo, i.Hi}
		out = append(out, b)
	}
	return out
}

func sign3(x float64) int {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return 0
}

// calibrationError is the expected calibration error (Guo et al. 2017, arXiv:1706.04599, eq. 3): the mean
// distance of the accuracy that is claimed from the one there is, over the bins.
func calibrationError(bins []MarginBin) float64 {
	var sum, n float64
	for _, b := range bins {
		sum += math.Abs(b.Predicted-b.Accuracy) * float64(b.N)
		n += float64(b.N)
	}
	if n == 0 {
		return 0
	}
	return sum / n
}

// printCalibration writes the curve as a table.
func (r *Report) printCalibration(w io.Writer) {
	fmt.Fprintf(w, "expected calibration error: %.1f points\n", 100*r.Calibration)
	fmt.Fprintf(w, "  %-20s %9s %9s   %-16s %7s\n", "scores apart", "claims, %", "right, %", "(95 % interval)", "n")
	for _, b := range r.ByMargin {
		fmt.Fprintf(w, "  %-20s %9.1f %9.1f   %-16s %7d\n", fmt.Sprintf("%.2f to %.2f", b.From, b.To), 100*b.Predicted, 100*b.Accuracy,
			fmt.Sprintf("(%.1f to %.1f)", 100*b.CI95[0], 100*b.CI95[1]), b.N)
	}
}

// CalibrationChart draws how often the model is right against how often it claims to be; a calibrated one
// lies on the diagonal, an overconfident one below.
func (r *Report) CalibrationChart() plot.Chart {
	var points []plot.Point
	for _, b := range r.ByMargin {
		points = append(points, plot.Point{X: b.Predicted, Y: b.Accuracy, Lo: b.CI95[0], Hi: b.CI95[1]})
	}
	return plot.Chart{Title: fmt.Sprintf("Calibration on %d judgments: expected error %.1f points", r.N, 100*r.Calibration),
		X: "accuracy claimed, mean of σ(|difference of the scores|)", Y: "accuracy",
		Series: []plot.Series{{Name: "a fifth of the pairs each, 95 % intervals", Points: points, Line: true},
			{Name: "as claimed", Points: []plot.Point{{X: .5, Y: .5}, {X: 1, Y: 1}}, Line: true, Dashed: true, Bare: true}}}
}
