package pipeline

import (
	"math/rand/v2"
	"slices"
	"strings"
)

// distinct2 is the share of distinct pairs of neighbouring words among all of them (Li et al. 2016,
// arXiv:1510.03055). It falls with the number of texts, so compare equal numbers only.
func distinct2(texts []string) float64 {
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

// distinctShare is the share of texts that are not a copy of an earlier one.
func distinctShare(texts []string) float64 {
	seen := map[string]bool{}
	for _, t := range texts {
		seen[t] = true
	}
	return float64(len(seen)) / float64(max(len(texts), 1))
}

// verbatimShare is the share of texts that stand word for word among the training texts, small
// letters and capitals taken as equal.
func verbatimShare(texts []string, training map[string]bool) float64 {
	n := 0
	for _, t := range texts {
		if training[normal(t)] {
			n++
		}
	}
	return float64(n) / float64(max(len(texts), 1))
}

func normal(t string) string { return strings.ToLower(strings.Join(strings.Fields(t), " ")) }

// A rate is an estimate with its 95 % interval.
type rate struct{ Value, Lo, Hi float64 }

// winRate is the share of prompts on which a's sample scores above b's, ties counting half. Both have
// one sample for each prompt, in the same order. The interval resamples prompts (percentile
// bootstrap, 2000 resamples, fixed seed).
func winRate(a, b []float64) rate {
	wins := make([]float64, len(a))
	for i := range a {
		switch {
		case a[i] > b[i]:
			wins[i] = 1
		case a[i] == b[i]:
			wins[i] = .5
		}
	}
	const resamples = 2000
	rng := rand.New(rand.NewPCG(1, uint64(len(a))))
	means := make([]float64, resamples)
	for r := range means {
		var sum float64
		for range wins {
			sum += wins[rng.IntN(len(wins))]
		}
		means[r] = sum / float64(len(wins))
	}
	slices.Sort(means)
	return rate{mean(wins), means[resamples*25/1000], means[resamples*975/1000-1]}
}

func mean(x []float64) float64 {
	var sum float64
	for _, v := range x {
		sum += v
	}
	return sum / float64(max(len(x), 1))
}
