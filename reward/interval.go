package reward

import (
	"encoding/json"
	"math/rand/v2"
	"sort"
)

// Interval is an estimate with its 95 % percentile bootstrap interval.
type Interval struct {
	Value  float64
	Lo, Hi float64
	N      float64 // what the estimate is a share of: judgments, or pairs of judgments
	Units  int     // what was resampled: labelers, prompts or pairs of texts
}

// MarshalJSON writes {"accuracy","ci95","n","units"}.
func (i Interval) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any{"accuracy": i.Value, "ci95": [2]float64{i.Lo, i.Hi}, "n": i.N, "units": i.Units})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (i *Interval) UnmarshalJSON(data []byte) error {
	var in struct {
		Accuracy float64    `json:"accuracy"`
		CI95     [2]float64 `json:"ci95"`
		N        float64    `json:"n"`
		Units    int        `json:"units"`
	}
	err := json.Unmarshal(data, &in)
	*i = Interval{in.Accuracy, in.CI95[0], in.CI95[1], in.N, in.Units}
	return err
}

// resamples is the number of bootstrap samples; their seed is fixed, so that the
// same data gives the same interval.
const resamples = 2000

// bootstrapRatio is Σ hits / Σ counts over units (clusters), with an interval
// from resampling units with replacement (Efron 1979).
func bootstrapRatio(hits, counts []float64) Interval {
	out := Interval{Units: len(hits)}
	sum := 0.0
	for i := range hits {
		sum += hits[i]
		out.N += counts[i]
	}
	if out.N == 0 {
		return out
	}
	out.Value = sum / out.N
	rng := rand.New(rand.NewPCG(1, 2))
	values := make([]float64, 0, resamples)
	for range resamples {
		h, n := 0.0, 0.0
		for range hits {
			k := rng.IntN(len(hits))
			h += hits[k]
			n += counts[k]
		}
		if n > 0 {
			values = append(values, h/n)
		}
	}
	sort.Float64s(values)
	out.Lo = values[len(values)*25/1000]
	out.Hi = values[min(len(values)*975/1000, len(values)-1)]
	return out
}
