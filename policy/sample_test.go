package policy

import (
	"bytes"
	"math"
	"strings"
	"testing"
)

// A temperature that no sampler can use is refused before anything is computed or written.
func TestSamplingRefusesAbsurdSettings(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, tt := range []struct {
		how  Sampling
		want string
	}{
		{Sampling{MaxNew: 1}, ""},
		{Sampling{MaxNew: 1, Temperature: .7, TopP: .9}, ""},
		{Sampling{MaxNew: 1, Temperature: inf}, "temperature +Inf is neither 0 nor between 0.001 and 100"},
		{Sampling{MaxNew: 1, Temperature: nan}, "temperature NaN"},
		{Sampling{MaxNew: 1, Temperature: -1}, "temperature -1"},
		{Sampling{MaxNew: 1, Temperature: 1e-300}, "temperature 1e-300"}, // 0 in float32
		{Sampling{MaxNew: 1, Temperature: 1e9}, "temperature 1e+09"},
		{Sampling{MaxNew: 1, Temperature: 1, TopP: nan}, "top_p NaN"},
	} {
		err := tt.how.Validate()
		if (tt.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: want %q, got %v", tt.how, tt.want, err)
		}
	}
	m := fixture(t, "llama")
	c := SampleCmd{Prompt: []string{"It was"}, N: 1, MaxNew: 2, Temperature: inf, Batch: 1}
	prompts, err := c.readPrompts(m)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := c.sample(t.Context(), testDevice(t), m, prompts, &out); err == nil || out.Len() > 0 {
		t.Errorf("--temperature inf: %v, and printed %q", err, out.String())
	}
	c.Greedy = true // then the temperature is not used
	if err := c.sample(t.Context(), testDevice(t), m, prompts, &out); err != nil {
		t.Error(err)
	}
}
