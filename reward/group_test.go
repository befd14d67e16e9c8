package reward

import (
	"fmt"
	"maps"
	"math"
	"testing"

	"agora/policy"
	"agora/reward/prefs"
)

func line(prompt string, weight float64, ids string, ranks ...int) *prefs.Ranked {
	r := &prefs.Ranked{PromptID: prompt, Weight: &weight}
	for i, id := range ids {
		r.Completions = append(r.Completions, prefs.Completion{ID: string(id), Text: string(id)})
		r.Ranks = append(r.Ranks, nil)
		if ranks[i] > 0 {
			r.Ranks[i] = &ranks[i]
		}
	}
	return r
}

func toyEncoder(t *testing.T) *encoder {
	m := tinyPolicy(t, []string{"no merges"}, 257, 16, 1)
	return &encoder{tok: m.Tokenizer, template: policy.Plain, maxTokens: 16}
}

// describe writes a group's comparisons as better>worse:weight.
func describe(g group) map[string]float64 {
	out := map[string]float64{}
	id := func(i int32) string { name := g.texts[i].name; return name[len(name)-1:] }
	for _, p := range g.pairs {
		out[id(p.a)+">"+id(p.b)] += float64(p.weight)
	}
	for _, p := range g.ties {
		out[id(p.a)+"="+id(p.b)] += float64(p.weight)
	}
	return out
}

// TestIdenticalTexts: a text ranked above itself teaches nothing; an empty one is a text as any other.
func TestIdenticalTexts(t *testing.T) {
	r := line("p", 1, "abc", 1, 2, 3)
	r.Completions[1].Text, r.Completions[2].Text = "a", ""
	groups, stats, err := makeGroups([]*prefs.Ranked{r}, toyEncoder(t), rule{ties: TiesDrop})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := describe(groups[0]), map[string]float64{"a>c": .5, "b>c": .5}; !maps.Equal(got, want) || stats.Identical != 1 || stats.Pairs != 2 {
		t.Errorf("pairs %v, %d of one text twice, want %v and 1", got, stats.Identical, want)
	}
}

func TestGroupWeights(t *testing.T) {
	third, half := 1.0/3, .5
	tests := []struct {
		name  string
		ties  TiePolicy
		lines []*prefs.Ranked
		want  map[string]float64
	}{
		{"each of 3 pairs weighs a third", TiesDrop, []*prefs.Ranked{line("p", 1, "abc", 1, 2, 3)},
			map[string]float64{"a>b": third, "a>c": third, "b>c": third}},
		{"a tie is dropped, 2 pairs are left", TiesDrop, []*prefs.Ranked{line("p", 1, "abc", 1, 2, 2)},
			map[string]float64{"a>b": half, "a>c": half}},
		{"a tie counts as half a win for each", TiesHalf, []*prefs.Ranked{line("p", 1, "abc", 1, 2, 2)},
			map[string]float64{"a>b": third, "a>c": third, "b>c": third / 2, "c>b": third / 2}},
		{"a tie is an outcome", TiesDavidson, []*prefs.Ranked{line("p", 1, "abc", 1, 2, 2)},
			map[string]float64{"a>b": third, "a>c": third, "b=c": third}},
		{"what is not ranked is not compared", TiesDrop, []*prefs.Ranked{line("p", 1, "abc", 0, 2, 1)},
			map[string]float64{"c>b": 1}},
		{"votes of 2 to 1 add up, whatever the order", TiesDrop, []*prefs.Ranked{line("p", 1, "ab", 1, 2), line("p", 1, "ba", 2, 1), line("p", 1, "ab", 2, 1)},
			map[string]float64{"a>b": 2, "b>a": 1}},
		{"raking weights", TiesDrop, []*prefs.Ranked{line("p", 2.5, "ab", 1, 2)}, map[string]float64{"a>b": 2.5}},
		{"other rankings of the prompt join", TiesDrop, []*prefs.Ranked{line("p", 1, "ab", 1, 2), line("p", 1, "bc", 1, 2)},
			map[string]float64{"a>b": 1, "b>c": 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			groups, _, err := makeGroups(tt.lines, toyEncoder(t), rule{ties: tt.ties})
			if err != nil || len(groups) != 1 {
				t.Fatalf("%d groups, %v", len(groups), err)
			}
			got := describe(groups[0])
			for k, w := range tt.want {
				if math.Abs(got[k]-w) > 1e-6 {
					t.Errorf("%s weighs %v, want %v", k, got[k], w)
				}
			}
			if len(got) != len(tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

// A question asked about very many texts is cut into its sets of texts.
func TestManyTextsOfOnePrompt(t *testing.T) {
	var lines []*prefs.Ranked
	for i := range maxGroupTexts {
		lines = append(lines, line("p", 1, fmt.Sprintf("%c%c", 'a'+i, 'A'+i), 1, 2), line("p", 1, fmt.Sprintf("%c%c", 'a'+i, 'A'+i), 2, 1))
	}
	groups, stats, err := makeGroups(lines, toyEncoder(t), rule{ties: TiesDrop})
	if err != nil || len(groups) != maxGroupTexts || stats.Texts != 2*maxGroupTexts {
		t.Errorf("%d groups of %d texts, %v; want a group for each pair", len(groups), stats.Texts, err)
	}
}

// The weights of a step sum to 1 however it is cut into passes.
func TestStepWeights(t *testing.T) {
	groups, _, err := makeGroups([]*prefs.Ranked{line("p", 1, "abc", 1, 2, 3), line("q", 2, "ab", 1, 2), line("r", 1, "abcd", 1, 1, 1, 2)}, toyEncoder(t), rule{ties: TiesDrop})
	if err != nil {
		t.Fatal(err)
	}
	batch := []*group{&groups[0], &groups[1], &groups[2]}
	for _, tokens := range []int{1000, 9, 2} { // a text is 3 tokens: at 2 a pass holds a pair
		limits := limitsFor(groups, tokens)
		passes := split(batch, limits)
		sum := 0.0
		for _, m := range passes {
			if len(m.ids) > limits.tokens {
				t.Errorf("a pass of %d tokens, limit %d", len(m.ids), limits.tokens)
			}
			for _, p := range m.pairs {
				sum += float64(p.weight)
			}
		}
		if math.Abs(sum-1) > 1e-6 {
			t.Errorf("weights of %d passes sum to %v", len(passes), sum)
		}
	}
}

func TestLongTextsKeepTheirEnd(t *testing.T) {
	enc := toyEncoder(t)
	end := enc.tok.EOS()
	for _, tt := range []struct{ prompt, completion, want string }{ // 16 tokens, a byte each, two of them begin and end
		{"ab", "cd", "abcd"},
		{"abcdefghijklmnop", "xyz", "fghijklmnopxyz"},
		{"ab", "cdefghijklmnopqrstuvwxyz", "cdefghijklmnop"},
	} {
		ids, err := enc.tokens(prefs.Plain(tt.prompt), tt.completion)
		if err != nil {
			t.Fatal(err)
		}
		if len(ids) > 16 || ids[0] != enc.tok.BOS() || ids[len(ids)-1] != end {
			t.Errorf("%s+%s: %d tokens %v", tt.prompt, tt.completion, len(ids), ids)
		}
		if text := enc.tok.Text(ids); text != tt.want {
			t.Errorf("%s+%s: got %q, want %q", tt.prompt, tt.completion, text, tt.want)
		}
	}
	if enc.truncated != 2 {
		t.Errorf("%d texts were cut, want 2", enc.truncated)
	}
}

// Cutting a group repeats texts but keeps every comparison between the same texts.
func TestCutKeepsComparisons(t *testing.T) {
	groups, _, err := makeGroups([]*prefs.Ranked{line("p", 1, "abcde", 1, 2, 3, 3, 5)}, toyEncoder(t), rule{ties: TiesDavidson})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	parts := groups[0].cut(9)
	for _, part := range parts {
		if part.tokenCount() > 9 {
			t.Errorf("a part of %d tokens", part.tokenCount())
		}
		for k, w := range describe(*part) {
			got[k] += w
		}
	}
	if want := describe(groups[0]); !maps.Equal(got, want) || len(parts) < 2 {
		t.Errorf("%d parts with %v, want %v", len(parts), got, want)
	}
}
