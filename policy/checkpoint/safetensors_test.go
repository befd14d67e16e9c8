package checkpoint

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func write(t *testing.T, path string, tensors ...Tensor) {
	t.Helper()
	if err := WriteSafetensors(path, tensors); err != nil {
		t.Fatal(err)
	}
}

func ramp(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(i)*0.37 - 5
	}
	return x
}

func TestSafetensorsRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model.safetensors")
	big := ramp(3 * 70001) // more than one chunk
	write(t, path, Tensor{"w", []int{3, 70001}, big, F32}, Tensor{"half", []int{2, 2}, []float32{1, -2, 3.14159, 1e30}, BF16},
		Tensor{"empty", []int{0, 4}, nil, F32})
	f, err := OpenSafetensors(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got := f.Names(); !slices.Equal(got, []string{"empty", "half", "w"}) {
		t.Errorf("names %v", got)
	}
	got := make([]float32, len(big))
	if err := f.Read("w", got); err != nil || !slices.Equal(got, big) {
		t.Errorf("fp32 differs, err %v", err)
	}
	if err := f.Read("half", got[:4]); err != nil || got[0] != 1 || got[1] != -2 || got[2] != 3.140625 || got[3] != RoundBF16(1e30) {
		t.Errorf("bf16 %v, err %v", got[:4], err)
	}
	for _, c := range []struct {
		name string
		n    int
		want string
	}{{"nope", 4, "no tensor nope"}, {"half", 5, "want 5"}} {
		if err := f.Read(c.name, got[:c.n]); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
}

// TestBF16 rounds to nearest, ties to even, and keeps infinities and NaN.
func TestBF16(t *testing.T) {
	for _, c := range []struct{ in, want float32 }{
		{1, 1}, {1 + 1.0/256, 1}, {1 + 3.0/256, 1 + 4.0/256}, {1 + 1.001/256, 1 + 2.0/256}, {-1 - 3.0/256, -1 - 4.0/256},
		{float32(math.Inf(1)), float32(math.Inf(1))}, {math.MaxFloat32, float32(math.Inf(1))}, {0, 0},
	} {
		if got := RoundBF16(c.in); got != c.want {
			t.Errorf("bf16(%v) = %v, want %v", c.in, got, c.want)
		}
	}
	if nan := RoundBF16(float32(math.NaN())); nan == nan {
		t.Error("NaN became a number")
	}
}

func TestF16(t *testing.T) {
	for bits, want := range map[uint16]float32{
		0x3C00: 1, 0xC000: -2, 0x7BFF: 65504, 0x0001: 0x1p-24, 0x8001: -0x1p-24, 0x0400: 0x1p-14, 0x3555: 0.333251953125,
		0x7C00: float32(math.Inf(1)), 0: 0,
	} {
		if got := fromF16(bits); got != want {
			t.Errorf("f16 %#04x = %v, want %v", bits, got, want)
		}
	}
	if nan := fromF16(0x7E00); nan == nan {
		t.Error("NaN became a number")
	}
}

// TestForeignFiles: whatever is not a whole safetensors file gives one clear line.
func TestForeignFiles(t *testing.T) {
	dir := t.TempDir()
	good := filepath.Join(dir, "good")
	write(t, good, Tensor{"w", []int{4, 4}, ramp(16), F32}, Tensor{"x", []int{4}, ramp(4), F32})
	data, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	edit := func(old, new string) []byte { return []byte(strings.Replace(string(data), old, new, 1)) }
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"empty", nil, "not a safetensors file"},
		{"text", []byte("hello, this is a text file"), "not a safetensors file"},
		{"LFS", []byte("version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 5\n"), "Git LFS pointer"},
		{"pickle", []byte("PK\x03\x04\x00\x00\x00\x00\x00\x00"), "truncated"},
		{"cut numbers", data[:len(data)-1], "truncated"},
		{"cut header", data[:30], "truncated"},
		{"header not JSON", edit(`{"__m`, `x"__m`), "header"},
		{"wrong shape", edit(`[4,4]`, `[4,5]`), "64 bytes for shape [4 5]"},
		{"overlap", edit(`[64,80]`, `[48,64]`), "tensor x begins at byte 48, within tensor w, which ends at 64"},
		{"not a shape", edit(`[4,4]`, `"4,4"`), "is not dtype, shape and two offsets"},
		{"negative", edit(`[0,64]`, `[9,64]`), "55 bytes"},
	} {
		path := filepath.Join(dir, "bad")
		if err := os.WriteFile(path, c.data, 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := OpenSafetensors(path)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: got %v, want the path and %q", c.name, err, c.want)
		}
	}
}

func TestWriteRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	for want, tensors := range map[string][]Tensor{
		"has 4 numbers, data has 3": {{"w", []int{2, 2}, ramp(3), F32}},
		"twice":                     {{"w", []int{1}, ramp(1), F32}, {"w", []int{1}, ramp(1), F32}},
		`cannot write "F16"`:        {{"w", []int{1}, ramp(1), F16}},
	} {
		if err := WriteSafetensors(path, tensors); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestShards(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "model-00001-of-00002.safetensors"), Tensor{"a", []int{2}, ramp(2), F32})
	write(t, filepath.Join(dir, "model-00002-of-00002.safetensors"), Tensor{"b", []int{3, 1}, ramp(3), BF16})
	index := func(text string) {
		if err := os.WriteFile(filepath.Join(dir, "model.safetensors.index.json"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	index(`{"weight_map":{"a":"model-00001-of-00002.safetensors","b":"model-00002-of-00002.safetensors"}}`)
	ts, err := OpenTensors(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer ts.Close()
	got := make([]float32, 3)
	if err := ts.Read("b", []int{3, 1}, got); err != nil || ts.DType("b") != BF16 || !ts.Has("a") {
		t.Errorf("shard b: %v %v", got, err)
	}
	if err := ts.Read("b", []int{1, 3}, got); err == nil || !strings.Contains(err.Error(), "[3 1]") {
		t.Errorf("wrong shape: %v", err)
	}
	for text, want := range map[string]string{
		`{"weight_map":{"c":"model-00001-of-00002.safetensors"}}`: "tensor c is missing",
		`{"weight_map":{"c":"../elsewhere.safetensors"}}`:         "not a plain file name",
		`{"weight_map":{"c":"gone.safetensors"}}`:                 "gone.safetensors",
	} {
		index(text)
		if _, err := OpenTensors(dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
