// Package guard says what is likely wrong with a training run, from the numbers that it logs, and fits the curve
// of over-optimisation to them. The command line and the site ask the same functions, so that their thresholds are
// the same. It imports nothing of ours: the site may use it without the trainers.
package guard
