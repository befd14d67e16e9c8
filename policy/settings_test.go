package policy

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func writeTOML(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "run.toml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoadConfig(t *testing.T) {
	for _, c := range []struct {
		name, file string
		sets       []string
		want       func(*PretrainConfig)
	}{
		{"defaults", "", nil, func(*PretrainConfig) {}},
		{"file", "steps = 7\nlearning_rate = 0.5", nil, func(c *PretrainConfig) { c.Steps, c.LearningRate = 7, .5 }},
		{"set beats file", "steps = 7", []string{"steps=8", "tied=false"}, func(c *PretrainConfig) { c.Steps, c.Tied = 8, false }},
		{"an integer for a float", "", []string{"epochs=2"}, func(c *PretrainConfig) { c.Epochs = 2 }},
		{"bare string", "", []string{"family=gpt2"}, func(c *PretrainConfig) { c.Family = "gpt2" }},
		{"quoted string", "", []string{`family="gpt2"`}, func(c *PretrainConfig) { c.Family = "gpt2" }},
		{"preset goes first", "layers = 3\npreset = \"M\"", nil, func(c *PretrainConfig) { mustPreset(c, "M"); c.Layers = 3 }},
		{"preset by set", "preset = \"M\"", []string{"layers=5", "preset=S"}, func(c *PretrainConfig) { mustPreset(c, "S"); c.Layers = 5 }},
	} {
		got, want := DefaultPretrain(), DefaultPretrain()
		c.want(&want)
		file := ""
		if c.file != "" {
			file = writeTOML(t, c.file)
		}
		if err := LoadConfig(&got, file, c.sets); err != nil || got != want {
			t.Errorf("%s: got %+v (%v)", c.name, got, err)
		}
	}
}

func mustPreset(c *PretrainConfig, name string) {
	if err := c.ApplyPreset(name); err != nil {
		panic(err)
	}
}

func TestLoadConfigRefuses(t *testing.T) {
	for _, c := range []struct {
		name, file string
		sets       []string
		want       string
	}{
		{"unknown key", "setps = 7", nil, "unknown setting setps"},
		{"unknown keys", "setps = 7\nfoo = 1", nil, "setps, foo"},
		{"unknown set", "", []string{"setps=7"}, "unknown setting setps"},
		{"not key=value", "", []string{"steps"}, "want key=value"},
		{"not TOML", "steps = = 7", nil, "line 1"},
		{"wrong type", "steps = \"many\"", nil, "line 1"},
		{"wrong type in set", "", []string{"steps=many"}, "steps=many"},
		{"table", "[training]\nsteps = 7", nil, "unknown setting training"},
		{"value", "", []string{"dropout=1.5"}, "dropout 1.5"},
		{"preset", "", []string{"preset=XXL"}, `preset "XXL"`},
		{"store", "", []string{"store=int8"}, "store"},
		{"batch", "", []string{"batch_sequences=100000000000"}, "batch_sequences 100000000000 must be at most"},
	} {
		cfg := DefaultPretrain()
		file := ""
		if c.file != "" {
			file = writeTOML(t, c.file)
		}
		err := LoadConfig(&cfg, file, c.sets)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want one line with %q", c.name, err, c.want)
		}
		if err != nil && file != "" && !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v does not name the file", c.name, err)
		}
	}
	sft := DefaultSFT()
	if err := LoadConfig(&sft, "", []string{"batch_examples=100000000000"}); err == nil || !strings.Contains(err.Error(), "batch_examples 100000000000 must be at most") {
		t.Errorf("sft batch: %v", err)
	}
	if err := LoadConfig(&PretrainConfig{}, filepath.Join(t.TempDir(), "no.toml"), nil); !os.IsNotExist(err) {
		t.Errorf("missing file: %v", err)
	}
}

// TestSchema: every field has a name, a type that forms know, and help.
func TestSchema(t *testing.T) {
	for kind, cfg := range map[string]any{"pretrain": DefaultPretrain(), "sft": DefaultSFT()} {
		fields := Schema(cfg)
		if n := len(reflect.VisibleFields(reflect.TypeOf(cfg))); len(fields) != n && len(fields) != n-1 { // embedded structs are visible, too
			t.Errorf("%s: %d fields of %d", kind, len(fields), n)
		}
		for _, f := range fields {
			if f.Help == "" || f.Name != strings.ToLower(f.Name) || !strings.Contains("int float string bool list of string", f.Type) {
				t.Errorf("%s: %+v", kind, f)
			}
		}
	}
	if f := Schema(DefaultSFT())[2]; f.Name != "epochs" || f.Type != "float" || f.Default != 3.0 || f.Unit != "epochs" {
		t.Errorf("epochs: %+v", f)
	}
}

// TestAdamSettings: the constants of AdamW can be set wherever a language model is trained.
func TestAdamSettings(t *testing.T) {
	pre, sft := DefaultPretrain(), DefaultSFT()
	for _, c := range []any{&pre, &sft} {
		if err := LoadConfig(c, "", []string{"beta1=0.8", "beta2=0.99", "adam_eps=1e-5"}); err != nil {
			t.Fatal(err)
		}
	}
	for _, o := range []OptimizerConfig{pre.optimizer(1), sft.optimizer(1)} {
		if o.Beta1 != .8 || o.Beta2 != .99 || o.Eps != 1e-5 {
			t.Errorf("got %+v", o)
		}
	}
}

func TestNamed(t *testing.T) {
	c := DefaultSFT()
	named, ok := Named(&c).(map[string]any)
	if !ok || named["learning_rate"] != c.LearningRate || len(named) != len(Schema(c)) {
		t.Errorf("got %v", named)
	}
	if got := Named(nil); got != nil {
		t.Errorf("nothing became %v", got)
	}
	if got := Named(map[string]int{"a": 1}); !reflect.DeepEqual(got, map[string]int{"a": 1}) {
		t.Errorf("a map became %v", got)
	}
}

func TestSchedule(t *testing.T) {
	s := Schedule{Peak: 1, Floor: .1, Warmup: 4, Steps: 14, Shape: "cosine"}
	for step, want := range map[int]float64{0: .25, 3: 1, 4: 1, 9: .55, 14: .1, 99: .1} { // by hand
		if got := s.At(step); got < want-1e-12 || got > want+1e-12 {
			t.Errorf("cosine at %d: %v, want %v", step, got, want)
		}
	}
	s.Shape = "linear"
	if got := s.At(9); got != .55 {
		t.Errorf("linear half way: %v, want .55", got)
	}
	s.Shape = "constant"
	if got := s.At(13); got != 1 {
		t.Errorf("constant: %v", got)
	}
}
