package views

import (
	"math"
	"strconv"
	"strings"
)

// Number writes a value with three significant digits at most where it is small, and without
// needless ones where it is large: 0.0123, 1.06, 412, 12 408. Minus is the real sign.
func Number(v float64) string {
	switch {
	case math.IsNaN(v):
		return "–"
	case math.IsInf(v, 0):
		return sign(v) + "∞"
	case v == 0:
		return "0"
	}
	a := math.Abs(v)
	switch {
	case a >= 1000 && a < 1e9:
		return sign(v) + grouped(int64(math.Round(a)))
	case a < 1e-4 || a >= 1e9:
		return sign(v) + strconv.FormatFloat(a, 'e', 2, 64)
	}
	digits := max(0, 2-int(math.Floor(math.Log10(a))))
	text := strconv.FormatFloat(a, 'f', digits, 64)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return sign(v) + text
}

// decimal writes a value with a fixed number of digits, so that a column of them lines up.
func decimal(v float64, digits int) string {
	if !finite(v) {
		return Number(v)
	}
	text := strconv.FormatFloat(math.Abs(v), 'f', digits, 64)
	if strings.Trim(text, "0.") == "" {
		return text
	}
	return sign(v) + text
}

func sign(v float64) string {
	if v < 0 {
		return "−"
	}
	return ""
}

// Count writes a whole number in groups of three, parted by thin spaces that do not break.
func Count(n int) string {
	if n < 0 {
		return "−" + grouped(int64(-n))
	}
	return grouped(int64(n))
}

func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "\u202f" + s[i:]
	}
	return s
}

// Percent writes a share of 1 with one digit.
func Percent(v float64) string {
	if math.IsNaN(v) {
		return "–"
	}
	return strconv.FormatFloat(100*v, 'f', 1, 64) + "\u00a0%"
}

// px writes a coordinate with a tenth of a pixel.
func px(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }

func share(part, whole int) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

// Short is the beginning of a hash, enough to recognise it.
func Short(hash string) string {
	hash = strings.TrimPrefix(hash, "sha256:")
	if len(hash) > 8 {
		return hash[:8]
	}
	return hash
}
