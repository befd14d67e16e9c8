package policy

import (
	"context"
	"math"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// smallMix are settings of smallSFT with a share of pretraining text that is no whole number of rows.
func smallMix() SFTConfig {
	c := smallSFT()
	c.PtxShare, c.PtxTokens, c.PtxDocuments = .2, 16, DocumentLine // 1.6 rows of 8 sequences
	return c
}

func TestSFTMixResumes(t *testing.T) {
	policy, data, text := base(t), writeDemos(t), writeText(t, t.TempDir())
	checkResume(t, func(ctx context.Context, job Job) (Result, error) {
		job.Policy, job.Data, job.Ptx = policy, []string{data}, []string{text}
		return SFT(ctx, testDevice(t), smallMix(), job)
	})
}

// TestSFTMixRows: a row is of one document, which its last token may end; the rows of a window count
// every one of its tokens; and an epoch has every window once.
func TestSFTMixRows(t *testing.T) {
	m := fixture(t, "llama")
	c := smallMix()
	mix, err := newSFTMix(c, m, Job{Ptx: []string{writeText(t, t.TempDir())}})
	if err != nil {
		t.Fatal(err)
	}
	seen, parted := map[*int32]bool{}, 0
	windows := mix.text.corpus.Windows(16)
	for i := range windows {
		rows, counted := mix.rows(nil, i, i+1), 0
		if at := &rows[0].Tokens[0]; seen[at] {
			t.Errorf("window %d comes twice in an epoch", i)
		} else {
			seen[at] = true
		}
		for _, s := range rows {
			counted += s.Counted()
			if err := s.check("row", m.Config.Vocab, m.Config.Context); err != nil || s.From != 1 {
				t.Errorf("window %d: %+v (%v)", i, s, err)
			}
			for k, id := range s.Tokens[1 : len(s.Tokens)-1] {
				if id == m.Tokenizer.EOS() {
					t.Errorf("window %d: token %d of a row begins another document", i, k+1)
				}
			}
		}
		parted += len(rows) - 1
		if counted != 16 || len(rows) > mix.mostRows() {
			t.Errorf("window %d: %d rows of together %d tokens", i, len(rows), counted)
		}
	}
	if windows < 20 || parted == 0 {
		t.Errorf("%d windows, %d of them parted: the test says nothing", windows, parted)
	}
}

// TestSFTMixShare: a tenth of batches of 32 is 3 or 4 rows, and exactly 3.2 over the steps; a resumed
// run counts the same.
func TestSFTMixShare(t *testing.T) {
	mix := &sftMix{perStep: 3.2}
	for step := range 1000 {
		if n := mix.before(step+1) - mix.before(step); n != 3 && n != 4 {
			t.Fatalf("step %d has %d rows", step, n)
		}
	}
	if got := mix.before(1000); got != 3200 {
		t.Errorf("1000 steps have %d rows, want 3200", got)
	}
	if (*sftMix)(nil).before(7) != 0 {
		t.Error("no mix has rows")
	}
}

// TestPickLossShares: the gradient of two parts is the weighted sum of the gradients of each, and each
// loss is its own mean.
func TestPickLossShares(t *testing.T) {
	const share = .2
	demos := []Sequence{Join([]int32{5, 6, 7}, []int32{8, 9}), Join([]int32{11}, []int32{12, 13, 14})}
	text := []Sequence{{Tokens: []int32{20, 21, 22, 23, 24, 25, 26}, From: 1}}
	grads := func(do func(*pickLoss) error) []float32 {
		m := tinyModel(t, tinyConfigs()["llama"])
		l, err := newPickLoss(testDevice(t), m, pickRoom{tokens: 40, seqs: 8}, Input{})
		if err != nil {
			t.Fatal(err)
		}
		if err := do(l); err != nil {
			t.Fatal(err)
		}
		var out []float32
		for _, p := range m.Params.List() {
			out = append(out, p.Grad...)
		}
		return out
	}
	var lossA, lossB, both [2]float64
	var err error
	a := grads(func(l *pickLoss) error { lossA[0], err = l.step(demos, 1, 1); return err })
	b := grads(func(l *pickLoss) error { lossB[0], err = l.step(text, 1, 1); return err })
	sum := grads(func(l *pickLoss) error {
		l.begin(1, 1)
		if both[0], err = l.add(demos, 1-share); err == nil {
			both[1], err = l.add(text, share)
		}
		return err
	})
	if math.Abs(both[0]-lossA[0]) > 1e-5 || math.Abs(both[1]-lossB[0]) > 1e-5 {
		t.Errorf("losses %v together, %v and %v alone", both, lossA[0], lossB[0])
	}
	largest := 0.0
	for _, x := range sum {
		largest = max(largest, math.Abs(float64(x)))
	}
	for i := range sum {
		want := (1-share)*float64(a[i]) + share*float64(b[i])
		if math.Abs(float64(sum[i])-want) > 1e-5*largest { // terms as large as the largest cancel in it
			t.Fatalf("gradient %d: %v, want %v", i, sum[i], want)
		}
	}
}

// TestSFTMixKeepsLanguage: after SFT the model predicts pretraining text better with a mix than
// without, and the two losses are logged apart.
func TestSFTMixKeepsLanguage(t *testing.T) {
	policy, data, text := base(t), writeDemos(t), writeText(t, t.TempDir())
	loss := map[float64]float64{}
	for _, share := range []float64{0, .25} {
		c := smallMix()
		c.PtxShare, c.Dropout, c.Epochs, c.SelectBest = share, 0, 6, false
		job := Job{Policy: policy, Data: []string{data}, Out: filepath.Join(t.TempDir(), "sft")}
		if share > 0 {
			job.Ptx = []string{text}
		}
		if _, err := SFT(context.Background(), testDevice(t), c, job); err != nil {
			t.Fatal(err)
		}
		rows := logLines(t, filepath.Join(job.Out, MetricsFile))
		for _, row := range rows {
			ptx, has := row[MetricPtx].(float64)
			if has != (share > 0) || has && ptx == row[MetricLoss] {
				t.Fatalf("share %g: %v", share, row)
			}
		}
		if want := int(math.Ceil(6 * 46 / (8 * (1 - share)))); share > 0 && math.Abs(float64(len(rows)-want)) > 4 { // of 60 examples about 48 are for training
			t.Errorf("share %g: %d steps, want about %d: 6 passes over the examples", share, len(rows), want)
		}
		m, err := Load(job.Out)
		if err != nil {
			t.Fatal(err)
		}
		docs, err := ReadDocuments([]string{text}, DocumentLine)
		if err != nil {
			t.Fatal(err)
		}
		s, err := NewScorer(testDevice(t), m, 0, 1)
		if err != nil {
			t.Fatal(err)
		}
		e, err := Evaluate(context.Background(), s, NewCorpus(m.Tokenizer, docs).sequences(m.Config.Context), nil)
		if err != nil {
			t.Fatal(err)
		}
		loss[share] = e.Loss
	}
	if loss[.25] > loss[0]-.3 {
		t.Errorf("loss on pretraining text %.3f with the mix, %.3f without", loss[.25], loss[0])
	}
}

// TestSFTPresets: the table of the InstructGPT notes (Ouyang et al. 2022, appendix C).
func TestSFTPresets(t *testing.T) {
	type numbers struct {
		epochs, rate, floor, warmup float64
		batch                       int
		schedule                    string
		dropout, ptx                float64
		beta1, beta2                float64
	}
	for name, want := range map[string]numbers{
		"instructgpt":    {16, 9.65e-6, .1, 0, 32, "cosine", .2, 0, .9, .95},
		"instructgpt-rl": {2, 5e-6, .1, 0, 32, "cosine", 0, .1, .9, .95},
	} {
		c := DefaultSFT()
		if err := LoadConfig(&c, "", []string{"preset=" + name}); err != nil {
			t.Fatal(err)
		}
		got := numbers{c.Epochs, c.LearningRate, c.Floor, c.Warmup, c.BatchExamples, c.Schedule, c.Dropout, c.PtxShare, c.Beta1, c.Beta2}
		if got != want || c.Preset != name || c.SelectBest {
			t.Errorf("%s: got %+v, want %+v (preset %q, select_best %v)", name, got, want, c.Preset, c.SelectBest)
		}
	}
	c := DefaultSFT()
	if err := LoadConfig(&c, "", []string{"epochs=5", "preset=instructgpt"}); err != nil || c.Epochs != 5 || c.Dropout != .2 {
		t.Errorf("a setting beside the preset: %+v (%v)", c, err)
	}
	plain := DefaultSFT()
	plain.Preset = "default"
	if err := LoadConfig(&c, "", []string{"preset=default"}); err != nil || !reflect.DeepEqual(c, plain) {
		t.Errorf("default: %+v (%v)", c, err)
	}
	if err := LoadConfig(&c, "", []string{"preset=gpt5"}); err == nil || !strings.Contains(err.Error(), `preset "gpt5" is none of`) {
		t.Errorf("an unknown preset: %v", err)
	}
}

func TestSFTMixRefuses(t *testing.T) {
	policy, data := base(t), writeDemos(t)
	text, short := writeFile(t, "a.txt", strings.Repeat("The cat sat. ", 100)), writeFile(t, "b.txt", "The cat sat.")
	for _, c := range []struct {
		name  string
		share float64
		ptx   []string
		want  string
	}{
		{"no text", .1, nil, "ptx_share is 0.1, but no pretraining text is given (--ptx)"},
		{"no share", 0, []string{text}, "pretraining text is given (--ptx), but ptx_share is 0"},
		{"too short", .1, []string{short}, "too few for rows of 16 (ptx_tokens)"},
		{"missing", .1, []string{"no.txt"}, "no.txt"},
	} {
		cfg, out := smallMix(), filepath.Join(t.TempDir(), "out")
		cfg.PtxShare = c.share
		_, err := SFT(context.Background(), testDevice(t), cfg, Job{Policy: policy, Data: []string{data}, Ptx: c.ptx, Out: out})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
		if _, err := readRunFile(out); err == nil {
			t.Errorf("%s: a run was begun", c.name)
		}
	}
	for set, want := range map[string]string{
		"ptx_share=1": "ptx_share 1 is outside [0, 1)", "ptx_share=-0.1": "ptx_share -0.1", "ptx_share=nan": "ptx_share NaN",
		"ptx_share=0.99": "ptx_share 0.99 leaves some steps of batch_examples 32 without an example",
		"ptx_tokens=0":   "ptx_tokens 0", "ptx_documents=page": `ptx_documents "page"`,
	} {
		cfg := DefaultSFT()
		if err := LoadConfig(&cfg, "", []string{set}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", set, err, want)
		}
	}
}
