package scale

import "math"

// minimise finds a local minimum of f by L-BFGS (Nocedal and Wright 2006, algorithm 7.4) with a
// backtracking line search. f returns the value at x and writes the gradient; x is overwritten with
// the minimum, whose value is returned.
func minimise(f func(x, gradient []float64) float64, x []float64) float64 {
	const rounds, memory = 500, 8
	n := len(x)
	grad, next, nextGrad := make([]float64, n), make([]float64, n), make([]float64, n)
	var steps, bends [][]float64 // s = x' - x and y = g' - g of the last rounds
	value := f(x, grad)
	for range rounds {
		d := direction(grad, steps, bends)
		slope := dot(d, grad)
		if !(slope < 0) {
			if len(steps) == 0 {
				return value
			}
			steps, bends = nil, nil // a bad memory: begin anew along the gradient
			continue
		}
		length := 1.0
		if len(steps) == 0 {
			length = math.Min(1, 1/norm(grad))
		}
		found := math.Inf(1)
		for range 40 {
			for i := range x {
				next[i] = x[i] + length*d[i]
			}
			if found = f(next, nextGrad); found <= value+1e-4*length*slope {
				break
			}
			length /= 2
		}
		if !(found < value) {
			return value
		}
		s, y := make([]float64, n), make([]float64, n)
		for i := range x {
			s[i], y[i] = next[i]-x[i], nextGrad[i]-grad[i]
		}
		if dot(s, y) > 1e-12*norm(s)*norm(y) {
			steps, bends = append(steps, s), append(bends, y)
			if len(steps) > memory {
				steps, bends = steps[1:], bends[1:]
			}
		}
		done := value-found <= 1e-13*(math.Abs(value)+1e-300)
		copy(x, next)
		copy(grad, nextGrad)
		if value = found; done {
			return value
		}
	}
	return value
}

// direction is minus the gradient times the inverse Hessian that the memory stands for (the two-loop
// recursion).
func direction(grad []float64, steps, bends [][]float64) []float64 {
	d := make([]float64, len(grad))
	for i, g := range grad {
		d[i] = -g
	}
	alpha := make([]float64, len(steps))
	for k := len(steps) - 1; k >= 0; k-- {
		alpha[k] = dot(steps[k], d) / dot(steps[k], bends[k])
		axpy(d, -alpha[k], bends[k])
	}
	if k := len(steps) - 1; k >= 0 {
		scale := dot(steps[k], bends[k]) / dot(bends[k], bends[k])
		for i := range d {
			d[i] *= scale
		}
	}
	for k := range steps {
		beta := dot(bends[k], d) / dot(steps[k], bends[k])
		axpy(d, alpha[k]-beta, steps[k])
	}
	return d
}

func dot(a, b []float64) float64 {
	sum := 0.0
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

func norm(a []float64) float64 { return math.Sqrt(dot(a, a)) }

func axpy(y []float64, c float64, x []float64) {
	for i := range y {
		y[i] += c * x[i]
	}
}
