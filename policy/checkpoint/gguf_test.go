package checkpoint

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func openGGUF(t *testing.T, path string) *GGUF {
	t.Helper()
	g, err := OpenGGUF(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.Close() })
	return g
}

func readGGUF(t *testing.T, g *GGUF, name string) []float32 {
	t.Helper()
	shape, _ := g.Shape(name)
	x := make([]float32, product(shape))
	if err := g.Read(name, shape, x); err != nil {
		t.Fatal(err)
	}
	return x
}

// TestQuants compares with llama.cpp's own Python package (testdata/make_quants.py), bit for bit.
func TestQuants(t *testing.T) {
	g := openGGUF(t, filepath.Join("testdata", "quants.gguf"))
	x := readGGUF(t, g, "x")
	for name, kind := range map[string]Quant{"x": GGUFF32, "f16": GGUFF16, "bf16": GGUFBF16, "q8_0": GGUFQ8_0, "q4_0": GGUFQ4_0, "q4_1": GGUFQ4_1} {
		if g.Quant(name) != kind {
			t.Errorf("%s is stored as %s", name, g.Quant(name))
		}
		want := x
		if name != "x" {
			want = readGGUF(t, g, name+".f32")
		}
		if got := readGGUF(t, g, name); !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
	// Written by us: the same bytes.
	path := filepath.Join(t.TempDir(), "a.gguf")
	var tensors []GGUFTensor
	for _, name := range []string{"x", "f16", "q8_0"} {
		tensors = append(tensors, GGUFTensor{Name: name, Shape: []int{3, 64}, Kind: g.Quant(name), Data: func() []float32 { return x }})
	}
	if err := WriteGGUF(path, []Meta{{"general.architecture", "llama"}}, tensors); err != nil {
		t.Fatal(err)
	}
	again := openGGUF(t, path)
	for _, name := range []string{"x", "f16", "q8_0"} {
		if !bytes.Equal(rawTensor(t, again, name), rawTensor(t, g, name)) {
			t.Errorf("%s: written otherwise than by llama.cpp", name)
		}
	}
}

func rawTensor(t *testing.T, g *GGUF, name string) []byte {
	t.Helper()
	raw := make([]byte, g.tensors[name].bytes())
	if _, err := g.f.ReadAt(raw, g.data+g.tensors[name].offset); err != nil {
		t.Fatal(err)
	}
	return raw
}

// TestToF16 rounds every half to itself, and halfway points to even.
func TestToF16(t *testing.T) {
	for h := range 0x10000 {
		x := fromF16(uint16(h))
		if got := toF16(x); got != uint16(h) && x == x {
			t.Fatalf("%#04x is %v, which became %#04x", h, x, got)
		}
	}
	for _, c := range []struct{ in, want float32 }{
		{1 + 0x1p-11, 1}, {1 + 3*0x1p-11, 1 + 0x1p-9}, {65519, 65504}, {65520, float32(math.Inf(1))}, {0x1p-25, 0}, {0x1.8p-25, 0x1p-24},
	} {
		if got := fromF16(toF16(c.in)); got != c.want {
			t.Errorf("%v: got %v, want %v", c.in, got, c.want)
		}
	}
	if x := fromF16(toF16(float32(math.NaN()))); x == x {
		t.Error("NaN was lost")
	}
}

func TestGGUFMetadata(t *testing.T) {
	g := openGGUF(t, filepath.Join("testdata", "quants.gguf"))
	n, err1 := g.Int("test.int")
	x, err2 := g.Float("test.float")
	s, err3 := g.Text("test.text")
	list, err4 := g.Texts("test.texts")
	ints, err5 := g.Ints("test.ints")
	if n != 7 || float32(x) != 1e-5 || s != "naïve" || !slices.Equal(list, []string{"a", "", "Ġb"}) || !slices.Equal(ints, []int64{1, -2, 3}) {
		t.Errorf("got %v %v %q %q %v (%v %v %v %v %v)", n, x, s, list, ints, err1, err2, err3, err4, err5)
	}
	if _, err := g.Int("test.text"); err == nil || !strings.Contains(err.Error(), "test.text is naïve, want an integer") {
		t.Errorf("wrong type: %v", err)
	}
	if _, err := g.Ints("test.texts"); err == nil || !strings.Contains(err.Error(), "test.texts[0]") {
		t.Errorf("wrong list: %v", err)
	}
	if _, err := g.Text("nope"); err == nil || !strings.Contains(err.Error(), "metadata nope is missing") {
		t.Errorf("missing: %v", err)
	}
	err := g.Read("q5_0", []int{3, 64}, make([]float32, 192))
	if err == nil || !strings.Contains(err.Error(), "tensor q5_0 is stored as Q5_0") {
		t.Errorf("unsupported format: %v", err)
	}
	if err := g.Read("x", []int{64, 3}, make([]float32, 192)); err == nil || !strings.Contains(err.Error(), "tensor x has shape [3 64]") {
		t.Errorf("wrong shape: %v", err)
	}
}

// TestGGUFTruncated cuts a file at every length: always one line, never a panic or a model.
func TestGGUFTruncated(t *testing.T) {
	whole, err := os.ReadFile(filepath.Join("testdata", "quants.gguf"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "cut.gguf")
	for n := 0; n < len(whole)-32; n += 1 + n/64 { // the last bytes are padding
		if err := os.WriteFile(path, whole[:n], 0o644); err != nil {
			t.Fatal(err)
		}
		g, err := OpenGGUF(path)
		if err == nil {
			g.Close()
			t.Fatalf("%d bytes of %d were accepted", n, len(whole))
		}
		if n > 4 && !strings.Contains(err.Error(), "truncated") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

// TestGGUFForeign: each byte of the head changed gives an error or a file, never a panic.
func TestGGUFForeign(t *testing.T) {
	dir := t.TempDir()
	at := func(name string, data []byte) error {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		g, err := OpenGGUF(path)
		if err == nil {
			g.Close()
		}
		return err
	}
	head := func(version uint32, tensors, keys uint64) []byte {
		b := []byte("GGUF")
		b = binary.LittleEndian.AppendUint32(b, version)
		b = binary.LittleEndian.AppendUint64(b, tensors)
		return binary.LittleEndian.AppendUint64(b, keys)
	}
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"html", []byte("<html>not found</html>"), "not a GGUF file"},
		{"old", head(1, 0, 0), "version 1"},
		{"big endian", []byte("GGUF\x00\x00\x00\x03\x00\x00"), "big-endian"},
		{"counts", head(3, 1<<60, 0), "list of 1152921504606846976"},
		{"key type", append(head(3, 0, 1), append([]byte("\x01\x00\x00\x00\x00\x00\x00\x00k"), 99, 0, 0, 0)...), "k: unknown type 99"},
	} {
		if err := at(c.name, c.data); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
	whole, err := os.ReadFile(filepath.Join("testdata", "quants.gguf"))
	if err != nil {
		t.Fatal(err)
	}
	for i := 4; i < 900; i += 3 {
		bad := slices.Clone(whole)
		bad[i] ^= 0xFF
		_ = at(fmt.Sprint(i), bad) // any error will do
	}
}
