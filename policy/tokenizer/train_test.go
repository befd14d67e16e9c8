package tokenizer

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func trained(t *testing.T, vocab int, texts ...string) *Tokenizer {
	t.Helper()
	tok, err := Train(slices.Values(texts), vocab, nil)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// TestTrainByHand: "aab" ×3 and "ab" ×2 hold the pair (a,b) five times and (a,a) three times, then
// (a,ab) three times.
func TestTrainByHand(t *testing.T) {
	tok := trained(t, 512, "aab,aab,aab,ab,ab,")
	var got []string
	for _, token := range tok.tokens[256:] {
		got = append(got, token)
	}
	if want := []string{"ab", "aab", EndOfText}; !slices.Equal(got, want) {
		t.Errorf("learned %q, want %q", got, want)
	}
	if id := tok.EOS(); tok.Token(id) != EndOfText || tok.BOS() != id || int(id) != tok.Size()-1 {
		t.Errorf("end of text is id %d of %d", id, tok.Size())
	}
}

func TestTrainRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		vocab int
		texts []string
		want  string
	}{
		"small": {100, []string{"x"}, "vocabulary size 100"},
		"empty": {300, nil, "no text"},
	} {
		if _, err := Train(slices.Values(c.texts), c.vocab, nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}

func TestTrainCorpus(t *testing.T) {
	text := string(readAll(t, testdata(t, "corpus", "wiki_demo.txt.gz")))
	start := time.Now()
	tok := trained(t, 4096, text)
	t.Logf("trained %d ids on %d bytes in %v: %.2f bytes a token", tok.Size(), len(text), time.Since(start),
		float64(len(text))/float64(len(tok.Encode(text))))
	if tok.Size() != 4096 {
		t.Errorf("size %d, want 4096", tok.Size())
	}
	again := trained(t, 4096, text)
	if !slices.Equal(tok.tokens, again.tokens) || !slices.Equal(tok.ordered, again.ordered) {
		t.Error("training twice gives two vocabularies")
	}
	if n := len(tok.Encode(text)); n > len(text)*10/33 {
		t.Errorf("%d tokens for %d bytes: less than 3.3 bytes a token", n, len(text))
	}
}

// TestRoundTrip: any bytes come back, whatever the tokenizer was trained on.
func TestRoundTrip(t *testing.T) {
	tok := trained(t, 400, "the quick brown fox jumps over the lazy dog. the the the quick quick, ünïcödé!")
	rng := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		raw := make([]byte, rng.IntN(40))
		for i := range raw {
			raw[i] = byte(rng.IntN(256))
		}
		if got := tok.Bytes(tok.Encode(string(raw))); string(got) != string(raw) {
			t.Fatalf("%q came back as %q", raw, got)
		}
	}
	if got := tok.Text(append(tok.Encode("a fox"), tok.EOS())); got != "a fox" {
		t.Errorf("text with end token: %q", got)
	}
}

// TestLongRun: the heap and the scan merge alike, and a run of 200,000 letters takes no time.
func TestLongRun(t *testing.T) {
	tok := trained(t, 320, strings.Repeat("abababab aaaa abba baab ", 50))
	rng := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		piece := make([]byte, 33+rng.IntN(60))
		for i := range piece {
			piece[i] = "ab"[rng.IntN(2)]
		}
		ids := make([]int32, len(piece))
		for i, b := range piece {
			ids[i] = tok.byteIDs[b]
		}
		long := tok.mergeLong(slices.Clone(ids))
		if short := ids[:tok.mergeShort(ids)]; !slices.Equal(long, short) {
			t.Fatalf("%s: heap %v, scan %v", piece, long, short)
		}
	}
	start := time.Now()
	tok.Encode(strings.Repeat("a", 200_000))
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("a long run took %v", d)
	}
}

func TestTokenizerJSON(t *testing.T) {
	const text = "Two cooks, 12 pots: they're \"done\" — naïve <b>&c\u2028</b>\n\n  end  "
	tok := trained(t, 300, strings.Repeat(text, 3))
	dir := t.TempDir()
	for name, data := range tok.Files(256) {
		if !json.Valid(data) {
			t.Fatalf("%s is not JSON:\n%s", name, data)
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.tokens, tok.tokens) || !reflect.DeepEqual(got.merges, tok.merges) || got.EOS() != tok.EOS() {
		t.Error("written and read back, the tokenizer differs")
	}
	if a, b := got.Files(256), tok.Files(256); !reflect.DeepEqual(a, b) {
		t.Error("a tokenizer that was read does not give back its own files")
	}
}

func TestTokenizerJSONRefuses(t *testing.T) {
	const model = `"model":{"type":"BPE","vocab":{"a":0,"b":1,"ab":2},"merges":["a b"]}`
	const byteLevel = `"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false}`
	for _, c := range []struct{ name, file, want string }{
		{"foreign", `hello`, "not a tokenizer.json"},
		{"truncated", `{"model":{"type":"BPE"`, "not a tokenizer.json"},
		{"wordpiece", `{"model":{"type":"WordPiece"}}`, `"WordPiece"`},
		{"sentencepiece", `{"model":{"type":"BPE","byte_fallback":true}}`, "SentencePiece"},
		{"normalizer", `{` + byteLevel + `,"normalizer":{"type":"NFC"},` + model + `}`, "NFC"},
		{"other pattern", `{"pre_tokenizer":{"type":"Split","pattern":{"Regex":"x+"}},` + model + `}`, "x+"},
		{"no pre-tokenizer", `{` + model + `}`, "pre_tokenizer"},
		{"prefix space", `{"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":true},` + model + `}`, "add_prefix_space"},
		{"unknown part", `{` + byteLevel + `,"model":{"type":"BPE","vocab":{"a":0,"b":1},"merges":["a b"]}}`, "merge 0"},
		{"bad merge", `{` + byteLevel + `,"model":{"type":"BPE","vocab":{"a":0},"merges":["ab"]}}`, "merges[0]"},
		{"double id", `{` + byteLevel + `,"model":{"type":"BPE","vocab":{"a":0,"b":0},"merges":[]}}`, "used twice"},
	} {
		if _, err := Parse([]byte(c.file)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
	if _, err := Parse([]byte(`{` + byteLevel + `,` + model + `}`)); err != nil {
		t.Errorf("control: %v", err)
	}
}

// TestDigits: SmolLM's tokenizer cuts numbers into single digits before the GPT-2 pattern.
func TestDigits(t *testing.T) {
	var got []string
	pieces("in 2024, x2 ok", true, func(p string) { got = append(got, p) })
	want := []string{"in", " ", "2", "0", "2", "4", ",", " x", "2", " ok"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
