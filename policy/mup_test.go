package policy

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"agora/policy/checkpoint"
)

// mupConfig scales a tiny model by 3, so that no factor is a power of 2, with heads that grow.
func mupConfig(c Config) Config {
	c.MuP = MuP{BaseWidth: c.Width, BaseFFN: c.FFN, BaseHeadDim: c.HeadDim, Output: 1.5}
	c.Width, c.FFN, c.HeadDim = 3*c.Width, 4*c.FFN, 3*c.HeadDim
	return c
}

func mupConfigs() map[string]Config {
	list := map[string]Config{}
	for name, c := range tinyConfigs() {
		list["mup "+name] = mupConfig(c)
	}
	return list
}

// TestMupTable compares every tensor with what microsoft/mup does (testdata/make_mup.py).
func TestMupTable(t *testing.T) {
	type row struct{ Std, LR, WeightDecay float64 }
	var want struct {
		Base, Target struct{ Width, FFN int }
		Llama, GPT2  struct {
			Tensors map[string]struct {
				Std         *float64
				LR          float64
				WeightDecay float64 `json:"weight_decay"`
			}
			Output float64
		}
	}
	data, err := os.ReadFile("testdata/mup.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	for _, family := range []string{Llama, GPT2} {
		t.Run(family, func(t *testing.T) {
			c := Config{Family: family, Vocab: 40, Width: want.Target.Width, Layers: 1, Heads: 2, KVHeads: 2, HeadDim: want.Target.Width / 2,
				FFN: want.Target.FFN, Context: 16, Eps: 1e-5, Theta: 1e4, BOS: -1, EOS: -1,
				MuP: MuP{BaseWidth: want.Base.Width, BaseFFN: want.Base.FFN, BaseHeadDim: want.Base.Width / 2, Output: 1}}
			m, err := NewModel(c)
			if err != nil {
				t.Fatal(err)
			}
			m.Init(7)
			theirs := want.Llama
			if family == GPT2 {
				theirs = want.GPT2
			}
			seen := 0
			for _, x := range c.tensors() {
				w, ok := theirs.Tensors[x.name]
				if !ok {
					t.Errorf("%s: microsoft/mup has no such tensor", x.name)
					continue
				}
				seen++
				p := m.Params.Get(x.param)
				if got := (row{LR: float64(p.LRScale), WeightDecay: float64(p.DecayScale)}); math.Abs(got.LR-w.LR) > 1e-7 || got.WeightDecay != w.WeightDecay {
					t.Errorf("%s: learning rate × %g, weight decay × %g; want %g and %g", x.name, got.LR, got.WeightDecay, w.LR, w.WeightDecay)
				}
				if w.Std == nil {
					continue
				}
				std := initStd * *w.Std
				if x.kind == residual {
					std /= math.Sqrt2 // of one layer's two branches, which is agora's rule in both parametrisations
				}
				if got := deviation(m.block(x)); math.Abs(got/std-1) > .08 { // 5 standard errors of the smallest tensor
					t.Errorf("%s: standard deviation %g, want %g", x.name, got, std)
				}
			}
			if seen != len(theirs.Tensors) {
				t.Errorf("%d of microsoft/mup's %d tensors are there", seen, len(theirs.Tensors))
			}
			if got := c.outputScale(); math.Abs(got-theirs.Output) > 1e-12 {
				t.Errorf("logits × %g, want %g", got, theirs.Output)
			}
			if got, want := c.scoreScale(), math.Sqrt(16)/48; math.Abs(got-want) > 1e-12 {
				t.Errorf("attention scores × %g, want √base/d = %g", got, want)
			}
		})
	}
}

func deviation(x []float32) float64 {
	sum := 0.0
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum / float64(len(x)))
}

// TestMupAtBaseWidth: at the base width muP is the standard parametrisation to the bit, also after
// some steps; at another width it is not, which is the control.
func TestMupAtBaseWidth(t *testing.T) {
	docs := strings.Split(strings.Repeat("The cat sat on the mat.\nA dog saw nine birds.\n", 40), "\n")
	text, err := NewText(docs, docs[:8], 300)
	if err != nil {
		t.Fatal(err)
	}
	run := func(parametrization string, base int) []float64 {
		c := smallPretrain()
		c.Parametrization, c.BaseWidth, c.Tied = parametrization, base, false
		trial, err := NewTrial(testDevice(t), c, text, 0)
		if err != nil {
			t.Fatal(err)
		}
		var losses []float64
		for range 5 {
			loss, err := trial.Step()
			if err != nil {
				t.Fatal(err)
			}
			losses = append(losses, loss)
		}
		held, err := trial.HeldOut(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		return append(losses, held)
	}
	standard := run(Standard, 32)
	if got := run(Mup, 32); !slices.Equal(got, standard) {
		t.Errorf("at the base width muP gives %v, the standard parametrisation %v", got, standard)
	}
	if got := run(Mup, 16); slices.Equal(got, standard) {
		t.Error("at twice the base width muP gives the same")
	}
}

// TestInitRules: fan_in makes the matrices of a model three times as wide smaller by √3, the head's too,
// and leaves embedding, rates and forward pass as they are; at the base width both rules are the same.
func TestInitRules(t *testing.T) {
	weights := func(rule string, width int) *Model {
		c := smallPretrain()
		c.InitRule, c.BaseWidth, c.Tied, c.Width, c.Heads, c.FFN = rule, 32, false, width, 2, width
		m, err := freshModel(c, fixture(t, "llama").Tokenizer)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	for _, p := range weights(InitFanIn, 32).Params.List() {
		if !slices.Equal(p.Data, weights(InitConstant, 32).Params.Get(p.Name).Data) {
			t.Errorf("%s differs at the base width", p.Name)
		}
	}
	constant, fanIn := weights(InitConstant, 96), weights(InitFanIn, 96)
	for name, want := range map[string]float64{"model.embed_tokens.weight": 1, "model.layers.0.self_attn.qkv_proj.weight": 3, "model.layers.0.mlp.down_proj.weight": 3, "lm_head.weight": 3} {
		a, b := deviation(constant.Params.Get(name).Data), deviation(fanIn.Params.Get(name).Data)
		if got := a * a / (b * b); math.Abs(got-want) > 1e-4 {
			t.Errorf("%s: variance smaller by %g, want %g", name, got, want)
		}
		if s := fanIn.Params.Get(name).LRScale; s != 1 {
			t.Errorf("%s: learning rate × %g", name, s)
		}
	}
}

// TestMupFolds: what is saved computes the same when it is loaded again, when agora_mup is taken out
// of config.json (which is how transformers reads it), and by way of GGUF.
func TestMupFolds(t *testing.T) {
	for name, c := range mupConfigs() {
		t.Run(name, func(t *testing.T) {
			tok := fixture(t, "llama").Tokenizer
			c.Vocab = tok.Size()
			m := tinyModel(t, c)
			m.Tokenizer = tok
			prompt := []int32{3, 1, 4, 1, 5, 9, 2, 6}
			want, err := Logits(testDevice(t), m, prompt)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			if err := m.WriteFiles(dir); err != nil {
				t.Fatal(err)
			}
			check := func(how string, mup bool) {
				t.Helper()
				again, err := loadConfig(dir)
				if err != nil {
					t.Fatal(err)
				}
				if again.Config.MuP.On() != mup {
					t.Errorf("%s: muP is %+v", how, again.Config.MuP)
				}
				if err := again.loadWeights(dir); err != nil {
					t.Fatal(err)
				}
				if mup && !reflect.DeepEqual(again.Config, c) {
					t.Errorf("%s: config %+v, want %+v", how, again.Config, c)
				}
				got, err := Logits(testDevice(t), again, prompt)
				if err != nil {
					t.Fatal(err)
				}
				checkNear(t, how, got, want, 2e-5)
			}
			check("loaded again", true)
			path := filepath.Join(dir, "config.json")
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var fields map[string]any
			if err := json.Unmarshal(data, &fields); err != nil {
				t.Fatal(err)
			}
			delete(fields, mupKey)
			if data, err = json.Marshal(fields); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, data, 0o644); err != nil {
				t.Fatal(err)
			}
			check("without agora_mup", false)
			gguf := filepath.Join(dir, "model.gguf")
			if err := m.WriteGGUF(gguf, "mup", checkpoint.GGUFF16); err != nil {
				t.Fatal(err)
			}
			llamaCpp, err := LoadGGUF(gguf)
			if err != nil {
				t.Fatal(err)
			}
			half, err := Logits(testDevice(t), llamaCpp, prompt)
			if err != nil {
				t.Fatal(err)
			}
			standard := m.Config
			standard.MuP = MuP{}
			unfolded := tinyModel(t, standard)
			if err := unfolded.Params.CopyFrom(m.Params); err != nil {
				t.Fatal(err)
			}
			wrong, err := Logits(testDevice(t), unfolded, prompt) // the control: the factors matter
			if err != nil {
				t.Fatal(err)
			}
			if far(wrong, want) < 1e-2 {
				t.Error("the same weights without the factors give the same logits")
			}
			if far(half, want) > far(wrong, want)/10 { // halves have 11 bits, and these weights are lively
				t.Errorf("by way of GGUF logits are off by up to %g, without the factors by %g", far(half, want), far(wrong, want))
			}
		})
	}
}

func far(a, b []float32) float64 {
	worst := 0.0
	for i := range a {
		worst = max(worst, math.Abs(float64(a[i]-b[i])))
	}
	return worst
}

func checkNear(t *testing.T, what string, got, want []float32, tolerance float64) {
	t.Helper()
	for i := range want {
		if math.Abs(float64(got[i]-want[i])) > tolerance*(1+math.Abs(float64(want[i]))) {
			t.Errorf("%s: logit %d is %v, want %v", what, i, got[i], want[i])
			return
		}
	}
}

// TestMupResume: interrupted and crashed runs end in the same bytes though folding rounds.
func TestMupResume(t *testing.T) {
	data := writeText(t, t.TempDir())
	checkResume(t, func(ctx context.Context, job Job) (Result, error) {
		c := smallPretrain()
		c.Parametrization, c.Width, c.Heads, c.BaseWidth, c.BaseHeads = Mup, 48, 2, 16, 2
		if c.mup(24).BaseFFN != 16 {
			t.Fatal("the feed-forward layer does not shrink with the base")
		}
		job.Data = []string{data}
		return Pretrain(ctx, testDevice(t), c, job)
	})
}

// TestMupFineTunes: a saved model is trained further with the rates of its parametrisation.
func TestMupFineTunes(t *testing.T) {
	m := tinyModel(t, mupConfigs()["mup llama"])
	m.Tokenizer = fixture(t, "llama").Tokenizer
	dir := t.TempDir()
	if err := m.WriteFiles(dir); err != nil {
		t.Fatal(err)
	}
	again, err := loadConfig(dir)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]float32{"model.embed_tokens.weight": 1, "model.layers.0.self_attn.qkv_proj.weight": 1. / 3, "model.layers.1.mlp.down_proj.weight": 1. / 4} {
		if got := again.Params.Get(name).LRScale; got != want {
			t.Errorf("%s: learning rate × %g, want %g", name, got, want)
		}
	}
}

// TestMupRounds: bf16 models in memory and on disk compute alike, though the file's numbers are folded.
func TestMupRounds(t *testing.T) {
	m := tinyModel(t, mupConfigs()["mup llama grouped untied"])
	m.Tokenizer, m.DType = fixture(t, "llama").Tokenizer, checkpoint.BF16
	m.Round()
	dir := t.TempDir()
	if err := m.WriteFiles(dir); err != nil {
		t.Fatal(err)
	}
	again, err := loadConfig(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.loadWeights(dir); err != nil {
		t.Fatal(err)
	}
	for _, p := range m.Params.List() {
		if !slices.Equal(p.Data, again.Params.Get(p.Name).Data) {
			t.Errorf("%s: the saved weights differ from the rounded ones", p.Name)
		}
	}
}

// TestZeroStart: with both options every logit and every attention score is 0 before the first step.
func TestZeroStart(t *testing.T) {
	c := smallPretrain()
	c.Tied, c.ZeroReadout, c.ZeroQuery = false, true, true
	m, err := freshModel(c, fixture(t, "llama").Tokenizer)
	if err != nil {
		t.Fatal(err)
	}
	logits, err := Logits(testDevice(t), m, []int32{1, 2, 3})
	if err != nil {
		t.Fatal(err)
	}
	if slices.Max(logits) != 0 || slices.Min(logits) != 0 {
		t.Errorf("logits from %g to %g", slices.Min(logits), slices.Max(logits))
	}
	qkv := m.Params.Get("model.layers.0.self_attn.qkv_proj.weight")
	q := c.Width * c.Width
	if slices.Max(qkv.Data[:q]) != 0 || slices.Max(qkv.Data[q:]) == 0 {
		t.Error("not the queries, or not only they, are zero")
	}
}

func TestMupSettings(t *testing.T) {
	for _, c := range []struct{ sets, want string }{
		{"parametrization=spectral", `parametrization "spectral" must be standard or mup`},
		{"parametrization=mup base_width=0", "base_width 0 must be at least 1"},
		{"parametrization=mup base_heads=3", "base_width 128 is not a multiple of base_heads 3"},
		{"parametrization=mup output_multiplier=0", "output_multiplier 0 must be positive"},
		{"zero_readout=true", "zero_readout needs tied = false"},
		{"init_std=0", "init_std 0 must be positive"},
		{"init_rule=xavier", `init_rule "xavier" must be constant or fan_in`},
		{"init_rule=fan_in parametrization=mup", "init_rule fan_in is for the standard parametrization"},
	} {
		cfg := DefaultPretrain()
		if err := LoadConfig(&cfg, "", strings.Fields(c.sets)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.sets, err, c.want)
		}
	}
	if _, err := ParseConfig([]byte(`{"model_type": "llama", "agora_mup": {"base_width": -4}}`)); err == nil || !strings.Contains(err.Error(), "base_width -4") {
		t.Errorf("a bad agora_mup: %v", err)
	}
}

// TestMupIsDescribed: agora model info names the parametrisation and its base.
func TestMupIsDescribed(t *testing.T) {
	tok := fixture(t, "llama").Tokenizer
	c := mupConfigs()["mup llama"]
	c.Vocab = tok.Size()
	m := tinyModel(t, c)
	m.Tokenizer = tok
	dir := t.TempDir()
	if err := m.WriteFiles(dir); err != nil {
		t.Fatal(err)
	}
	info, err := Describe(dir)
	if err != nil {
		t.Fatal(err)
	}
	if want := "maximal update parametrisation, base width 24 (feed-forward 36, heads of 6), logits × 1.5"; !strings.Contains(info.String(), want) {
		t.Errorf("%s lacks %q", info, want)
	}
}
