package measure

import "strings"

// Distinct2 is the share of distinct pairs of neighbouring words among all of them (Li et al. 2016,
// arXiv:1510.03055). It falls with the number of texts, so compare equal numbers only.
func Distinct2(texts []string) float64 {
	seen := map[[2]string]bool{}
	total := 0
	for _, t := range texts {
		words := strings.Fields(strings.ToLower(t))
		for i := 1; i < len(words); i++ {
			seen[[2]string{words[i-1], words[i]}] = true
			total++
		}
	}
	if total == 0 {
		return 0
	}
	return float64(len(seen)) / float64(total)
}

// DistinctShare is the share of texts that are not a copy of an earlier one.
func DistinctShare(texts []string) float64 {
	seen := map[string]bool{}
	for _, t := range texts {
		seen[t] = true
	}
	return float64(len(seen)) / float64(max(len(texts), 1))
}

// VerbatimShare is the share of texts that stand word for word among the training texts, small
// letters and capitals taken as equal.
func VerbatimShare(texts []string, training map[string]bool) float64 {
	n := 0
	for _, t := range texts {
		if training[Normal(t)] {
			n++
		}
	}
	return float64(n) / float64(max(len(texts), 1))
}

// Normal is a text in small letters with single spaces, the form in which texts are compared.
func Normal(t string) string { return strings.ToLower(strings.Join(strings.Fields(t), " ")) }
