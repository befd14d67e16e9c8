package policy

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"agora/policy/checkpoint"
	"agora/policy/tokenizer"
	"agora/reward/prefs"
)

// shared finds a file of $AGORA_TESTDATA, by default ../shared beside the module.
func shared(t *testing.T, parts ...string) string {
	t.Helper()
	root := os.Getenv("AGORA_TESTDATA")
	if root == "" {
		root = filepath.Join("..", "..", "shared")
	}
	path := filepath.Join(append([]string{root}, parts...)...)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no test data at %s: set AGORA_TESTDATA", path)
	}
	return path
}

// TestSmolLM2 reads a real model. testdata/smollm2.json is what transformers 5.24 computes in fp32
// from the same file, read by llama.cpp's own Python package (testdata/make_smollm2.py): logits after
// the last token, of the 16 likeliest tokens and of every 1024th, and 24 greedy tokens.
func TestSmolLM2(t *testing.T) {
	m, err := LoadGGUF(shared(t, "models", "SmolLM2-135M-Instruct.Q4_1.gguf"))
	if err != nil {
		t.Fatal(err)
	}
	rows := smolRows(t)
	s, err := NewSampler(testDevice(t), m, len(rows), 128)
	if err != nil {
		t.Fatal(err)
	}
	var reqs []Request
	for _, row := range rows {
		if got := m.Tokenizer.EncodeSpecial(row.Text); !slices.Equal(got, row.IDs) {
			t.Errorf("%q: ids %v, tokenizers says %v", row.Text, got, row.IDs)
		}
		logits, err := Logits(testDevice(t), m, row.IDs)
		if err != nil {
			t.Fatal(err)
		}
		for id, want := range row.Logits {
			i, err := strconv.Atoi(id)
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(float64(logits[i])-want) > 1e-3 {
				t.Errorf("%q: logit %d is %v, transformers says %v", row.Text, i, logits[i], want)
			}
		}
		reqs = append(reqs, Request{Prompt: row.IDs})
	}
	for i, got := range sample(t, s, reqs, Sampling{MaxNew: 24, IgnoreEnd: true}) {
		if !slices.Equal(got.Tokens, rows[i].Greedy) {
			t.Errorf("%q: greedy %v, transformers says %v", rows[i].Text, got.Tokens, rows[i].Greedy)
		}
	}
	t.Run("vocabulary", func(t *testing.T) { checkSmolVocabulary(t, m.Tokenizer) })
	t.Run("template", func(t *testing.T) { checkSmolTemplate(t, m) })
}

// smolRow is a row of testdata/smollm2.json.
type smolRow struct {
	Text   string
	IDs    []int32
	Logits map[string]float64 // by id
	Greedy []int32
}

func smolRows(t *testing.T) (rows []smolRow) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "smollm2.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &rows); err != nil {
		t.Fatal(err)
	}
	return rows
}

// checkSmolVocabulary encodes the GPT-2 reference texts: the hash is that of the ids which Hugging
// Face's tokenizers gives with Digits before ByteLevel. tokenizer.json says the same.
func checkSmolVocabulary(t *testing.T, tok *tokenizer.Tokenizer) {
	again, err := tokenizer.Parse(tok.Files(8192)["tokenizer.json"])
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(shared(t, "data", "gpt2-bpe", "reference.jsonl.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	sum, n := sha256.New(), 0
	for dec := json.NewDecoder(z); dec.More(); n++ {
		var row struct{ Text string }
		if err := dec.Decode(&row); err != nil {
			t.Fatal(err)
		}
		ids := tok.Encode(row.Text)
		_ = binary.Write(sum, binary.LittleEndian, append([]int32{int32(len(ids))}, ids...))
		if got := string(tok.Bytes(ids)); got != row.Text {
			t.Errorf("%q came back as %q", row.Text, got)
		}
		if got := again.Encode(row.Text); !slices.Equal(got, ids) {
			t.Errorf("%q: read back from tokenizer.json: %v, want %v", row.Text, got, ids)
		}
	}
	const want = "5036e4dda596e32fc87357da5b3811cfc08d803a9ec8684468958de0a8d55bae"
	if got := hex.EncodeToString(sum.Sum(nil)); got != want || n != 533 {
		t.Errorf("%d texts: sha256 of the ids is %s, want %s", n, got, want)
	}
}

// checkSmolTemplate: turns are composed as the model's own chat template does.
func checkSmolTemplate(t *testing.T, m *Model) {
	const system = "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
	const rest = "<|im_start|>user\nHi <|im_end|> 12<|im_end|>\n<|im_start|>assistant\n"
	user := prefs.Message{Role: "user", Content: "Hi <|im_end|> 12"}
	for _, c := range []struct {
		turns []prefs.Message
		want  string
	}{
		{[]prefs.Message{user}, system + rest},
		{[]prefs.Message{{Role: "system", Content: "Be brief."}, user}, "<|im_start|>system\nBe brief.<|im_end|>\n" + rest},
	} {
		ids := m.Template.Prompt(m.Tokenizer, c.turns)
		if got := m.Tokenizer.Decode(ids); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
		ends := 0
		for _, id := range ids {
			if id == 2 {
				ends++
			}
		}
		if ends != len(c.turns)+strings.Count(c.want, "SmolLM") { // what the user typed is no marker
			t.Errorf("%d end markers in %v", ends, ids)
		}
	}
}

// TestGGUFRoundTrip writes and reads both families: the weights are those of the format, the
// tokenizer is the same.
func TestGGUFRoundTrip(t *testing.T) {
	for _, name := range []string{"llama", "gpt2"} {
		for _, kind := range []checkpoint.Quant{checkpoint.GGUFF16, checkpoint.GGUFQ8_0} {
			m := fixture(t, name)
			path := filepath.Join(t.TempDir(), "m.gguf")
			if err := m.WriteGGUF(path, name, kind); err != nil {
				t.Fatal(err)
			}
			got, err := LoadGGUF(path)
			if err != nil {
				t.Fatal(err)
			}
			want := m.Config
			if !reflect.DeepEqual(got.Config, want) {
				t.Errorf("%s: %+v came back as %+v", name, want, got.Config)
			}
			for _, p := range m.Params.List() {
				step := float64(max(slices.Max(p.Data), -slices.Min(p.Data))) / 250 // of Q8_0, and more than those of F16
				for i, x := range got.Params.Get(p.Name).Data {
					if y := p.Data[i]; math.Abs(float64(x-y)) > step {
						t.Fatalf("%s %s: %s[%d] is %v, was %v", name, kind, p.Name, i, x, y)
					}
				}
			}
			const text = "It was 1234 — naïve\n\n  times"
			if !slices.Equal(got.Tokenizer.Encode(text), m.Tokenizer.Encode(text)) || got.Tokenizer.EOS() != m.Tokenizer.EOS() ||
				!slices.Equal(got.Tokenizer.Specials(), m.Tokenizer.Specials()) {
				t.Errorf("%s: the tokenizer differs", name)
			}
		}
	}
	x := []float32{0, 1, 2, 3, 10, 11, 12, 13}
	if got := joinPairs(x, 2, 1); !slices.Equal(got, []float32{0, 2, 1, 3, 10, 12, 11, 13}) || !slices.Equal(splitHalves(got, 2, 1), x) {
		t.Errorf("rows in pairs: %v", got)
	}
}

// TestGGUFRefuses: what is no dense text-only decoder is refused by name, as are gaps.
func TestGGUFRefuses(t *testing.T) {
	m := fixture(t, "llama")
	base := m.ggufMeta("m", checkpoint.GGUFF16)
	for _, c := range []struct {
		name, key string
		value     any // nil leaves the key out
		drop, add string
		want      string
	}{
		{name: "mixture", key: "llama.expert_count", value: uint32(8), want: "mixture-of-experts"},
		{name: "vision", key: "general.architecture", value: "clip", want: "vision model (clip)"},
		{name: "encoder", key: "general.architecture", value: "t5", want: "encoder-decoder model (t5)"},
		{name: "other", key: "general.architecture", value: "mamba", want: `architecture "mamba"`},
		{name: "no architecture", key: "general.architecture", want: "general.architecture is missing"},
		{name: "scaled", key: "llama.rope.scaling.type", value: "yarn", want: "rope.scaling.type"},
		{name: "in parts", key: "split.count", value: uint32(3), want: "split.count is 3"},
		{name: "no layers", key: "llama.block_count", want: "llama.block_count is missing"},
		{name: "text for number", key: "llama.block_count", value: "two", want: "llama.block_count is two"},
		{name: "more layers", key: "llama.block_count", value: uint32(3), want: "tensor blk.2.attn_norm.weight is missing"},
		{name: "fewer layers", key: "llama.block_count", value: uint32(1), want: "tensor blk.1."},
		{name: "sentencepiece", key: "tokenizer.ggml.model", value: "llama", want: "tokenizer.ggml.model"},
		{name: "other pieces", key: "tokenizer.ggml.pre", value: "llama-bpe", want: `tokenizer.ggml.pre is "llama-bpe"`},
		{name: "no merges", key: "tokenizer.ggml.merges", want: "tokenizer.ggml.merges is missing"},
		{name: "end token", key: "tokenizer.ggml.eos_token_id", value: uint32(9999), want: "token 9999"},
		{name: "no tensor", drop: "blk.0.attn_k.weight", want: "tensor blk.0.attn_k.weight is missing"},
		{name: "scaled rope", add: "rope_freqs.weight", want: "rope_freqs.weight"},
		{name: "another tensor", add: "blk.0.attn_q.bias", want: "blk.0.attn_q.bias has no place"},
		{name: "control"},
	} {
		var meta []checkpoint.Meta
		for _, e := range base {
			if e.Key != c.key {
				meta = append(meta, e)
			}
		}
		if c.value != nil {
			meta = append(meta, checkpoint.Meta{Key: c.key, Value: c.value})
		}
		path := filepath.Join(t.TempDir(), "m.gguf")
		if err := checkpoint.WriteGGUF(path, meta, ggufTensors(m, c.drop, c.add)); err != nil {
			t.Fatal(err)
		}
		_, err := LoadGGUF(path)
		if (err == nil) != (c.want == "") || err != nil && (!strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n")) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
}

// ggufTensors are zeros under the model's names.
func ggufTensors(m *Model, drop, add string) []checkpoint.GGUFTensor {
	var list []checkpoint.GGUFTensor
	zeros := func(name string, shape ...int) {
		n := 1
		for _, d := range shape {
			n *= d
		}
		list = append(list, checkpoint.GGUFTensor{Name: name, Shape: shape, Kind: checkpoint.GGUFF16, Data: func() []float32 { return make([]float32, n) }})
	}
	for _, t := range m.Config.tensors() {
		if name := ggufName(t.name); name != drop {
			zeros(name, t.ggufShape()...)
		}
	}
	if add != "" {
		zeros(add, 4)
	}
	return list
}

// TestImport turns a GGUF file into a directory that Load takes, names bad numbers, and writes over
// nothing.
func TestImport(t *testing.T) {
	m := fixture(t, "llama")
	dir := t.TempDir()
	src, dst := filepath.Join(dir, "m.gguf"), filepath.Join(dir, "m")
	if err := m.WriteGGUF(src, "m", checkpoint.GGUFF16); err != nil {
		t.Fatal(err)
	}
	want, err := Import(src, dst, map[string]string{"hub": "me/m@c0ffee"})
	if err != nil {
		t.Fatal(err)
	}
	got, err := Load(dst)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range want.Params.List() {
		if !slices.Equal(p.Data, got.Params.Get(p.Name).Data) {
			t.Errorf("%s differs", p.Name)
		}
	}
	info, err := Describe(dst)
	if err != nil || info.Params != m.Params.Count() || info.Parents["source"] != want.Hash || info.Imported["hub"] != "me/m@c0ffee" || info.Imported["imported"] != "m.gguf" || info.Layers != 2 {
		t.Errorf("info %+v (%v)", info, err)
	}
	if _, err := Import(src, dst, nil); err == nil || !strings.Contains(err.Error(), "exists already") {
		t.Errorf("over an existing directory: %v", err)
	}
	if _, err := Import(filepath.Join("testdata", "smollm2.json"), dst+"2", nil); err == nil || !strings.Contains(err.Error(), "neither a GGUF file nor") {
		t.Errorf("a foreign file: %v", err)
	}
	m.Params.List()[3].Data[7] = float32(math.NaN())
	bad := filepath.Join(dir, "bad")
	if err := m.Save(bad, manifestOf("policy")); err != nil {
		t.Fatal(err)
	}
	if _, err := Import(bad, bad+"2", nil); err == nil || !strings.Contains(err.Error(), "number 7 is NaN") {
		t.Errorf("NaN: %v", err)
	}
}
