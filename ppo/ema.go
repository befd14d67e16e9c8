package ppo

// EMA moves avg towards x: avg ← decay·avg + (1−decay)·x, element by element.
// InstructGPT keeps such an average of the policy's weights with decay .992
// (Ouyang et al. 2022, appendix C.4).
func EMA(avg, x []float32, decay float32) {
	rest := 1 - decay
	for i, v := range x {
		avg[i] = decay*avg[i] + rest*v
	}
}
