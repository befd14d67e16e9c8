package guard

import "math"

// fall follows the judge's score from its peak, averaged over three iterations, while the reward rises: the sign of
// over-optimisation (Gao et al. 2022, arXiv:2210.10760).
type fall struct {
	steps          []int
	judged, reward []float64
	smooth         []float64 // [i]: mean of judged[i … i+2]
	peak           int       // of smooth
	jumps          float64   // Σ (judged[i] − judged[i−1])²
}

const window = 3 // iterations

func (f *fall) add(step int, judged, reward float64) {
	if n := len(f.judged); n > 0 {
		d := judged - f.judged[n-1]
		f.jumps += d * d
	}
	f.steps, f.judged, f.reward = append(f.steps, step), append(f.judged, judged), append(f.reward, reward)
	if n := len(f.judged); n >= window {
		f.smooth = append(f.smooth, mean(f.judged[n-window:]))
		if f.smooth[n-window] > f.smooth[f.peak] {
			f.peak = n - window
		}
	}
}

// turned says whether the judge has clearly fallen: by a quarter of its rise, by twice what the difference of two
// means of three would vary if nothing but noise made it jump from one iteration to the next, and for three
// iterations or more, while the reward rose. args are its peak, the iteration of it, and where it is now.
func (f *fall) turned() (args []float64, yes bool) {
	if len(f.judged) < 3*window {
		return nil, false
	}
	end := len(f.smooth) - 1
	fell, rose := f.smooth[f.peak]-f.smooth[end], f.smooth[f.peak]-f.smooth[0]
	noise := math.Sqrt(f.jumps/float64(len(f.judged)-1)/2) * math.Sqrt(2./window)
	yes = fell > .25*rose && fell > 2*noise && end-f.peak >= window &&
		mean(f.reward[end:]) > mean(f.reward[f.peak:f.peak+window])
	return []float64{f.smooth[f.peak], float64(f.steps[f.peak+window/2]), f.smooth[end]}, yes
}
