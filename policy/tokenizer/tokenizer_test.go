package tokenizer

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// testdata is $AGORA_TESTDATA, by default ../shared beside the module.
func testdata(t testing.TB, parts ...string) string {
	t.Helper()
	root := os.Getenv("AGORA_TESTDATA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared")
	}
	path := filepath.Join(append([]string{root, "data"}, parts...)...)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no test data at %s: set AGORA_TESTDATA", path)
	}
	return path
}

func readAll(t testing.TB, path string) []byte {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(path, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			t.Fatal(err)
		}
	}
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func gpt2(t testing.TB) *Tokenizer {
	t.Helper()
	tok, err := LoadGPT2(testdata(t, "gpt2-bpe", "encoder.json"), testdata(t, "gpt2-bpe", "vocab.bpe"))
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func lines(t testing.TB, path string, row func(line []byte)) (n int) {
	t.Helper()
	sc := bufio.NewScanner(bytes.NewReader(readAll(t, path)))
	sc.Buffer(nil, 1<<24)
	for sc.Scan() {
		row(sc.Bytes())
		n++
	}
	if sc.Err() != nil {
		t.Fatal(sc.Err())
	}
	return n
}

// TestGPT2Reference compares with ids that two independent implementations agree on.
func TestGPT2Reference(t *testing.T) {
	tok := gpt2(t)
	n := lines(t, testdata(t, "gpt2-bpe", "reference.jsonl.gz"), func(line []byte) {
		var row struct {
			ID, Category, Text string
			IDs                []int32
			IDsSpecial         []int32 `json:"ids_special"`
		}
		if err := json.Unmarshal(line, &row); err != nil {
			t.Fatal(err)
		}
		if got := tok.Encode(row.Text); !slices.Equal(got, row.IDs) {
			t.Errorf("%s (%s): got %v, want %v", row.ID, row.Category, got, row.IDs)
		}
		if row.IDsSpecial != nil && !slices.Equal(tok.EncodeSpecial(row.Text), row.IDsSpecial) {
			t.Errorf("%s: special tokens: got %v, want %v", row.ID, tok.EncodeSpecial(row.Text), row.IDsSpecial)
		}
		if got := string(tok.Bytes(row.IDs)); got != row.Text {
			t.Errorf("%s: decodes to %q, want %q", row.ID, got, row.Text)
		}
	})
	if n != 533 {
		t.Fatalf("%d reference rows, want 533", n)
	}
}

func TestGPT2Decode(t *testing.T) {
	tok := gpt2(t)
	lines(t, testdata(t, "gpt2-bpe", "decode.jsonl"), func(line []byte) {
		var row struct {
			IDs []int32
			Hex string `json:"bytes_hex"`
		}
		if err := json.Unmarshal(line, &row); err != nil {
			t.Fatal(err)
		}
		if got := hex.EncodeToString(tok.Bytes(row.IDs)); got != row.Hex {
			t.Errorf("%v: got %s, want %s", row.IDs, got, row.Hex)
		}
		stream, text := tok.NewStream(), ""
		for _, id := range row.IDs {
			text += stream.Push(id)
		}
		text += stream.Flush()
		raw, _ := hex.DecodeString(row.Hex)
		if want := string([]rune(string(raw))); text != want && !tok.IsSpecial(row.IDs[0]) {
			t.Errorf("%v: streamed %q, want %q", row.IDs, text, want)
		}
	})
}

// TestGPT2Corpus compares whole files by count and hash; 301,966 and 36,059 are nanoGPT's counts.
func TestGPT2Corpus(t *testing.T) {
	tok := gpt2(t)
	var rows []struct {
		Name           string
		Tokens         int
		First20        []int32
		Last20         []int32
		SHA256Uint16le string `json:"sha256_uint16le"`
	}
	if err := json.Unmarshal(readAll(t, testdata(t, "gpt2-bpe", "corpus_reference.json")), &rows); err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		text := corpusPart(t, row.Name)
		ids := tok.Encode(text)
		sum := sha256.New()
		for _, id := range ids {
			_ = binary.Write(sum, binary.LittleEndian, uint16(id))
		}
		if got := hex.EncodeToString(sum.Sum(nil)); len(ids) != row.Tokens || got != row.SHA256Uint16le {
			t.Errorf("%s: %d tokens, want %d; sha256 %s, want %s", row.Name, len(ids), row.Tokens, got, row.SHA256Uint16le)
		}
	}
}

// corpusPart finds a row's text: a file of the corpus, whole or its first or last tenths.
func corpusPart(t *testing.T, name string) string {
	t.Helper()
	file, part, _ := strings.Cut(name, " ")
	text := string(readAll(t, testdata(t, strings.Split(file, "/")...)))
	runes := []rune(text)
	switch {
	case strings.Contains(part, "first 90%"):
		return string(runes[:len(runes)*9/10])
	case strings.Contains(part, "last 10%"):
		return string(runes[len(runes)*9/10:])
	}
	return text
}

func BenchmarkEncodeShakespeare(b *testing.B) {
	tok := gpt2(b)
	text := string(readAll(b, testdata(b, "corpus", "tinyshakespeare.txt")))
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		tok.Encode(text)
	}
}
