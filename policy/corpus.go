package policy

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"agora/policy/graph"
	"agora/policy/tokenizer"
)

// How a plain text file is cut into documents.
const (
	DocumentFile      = "file"      // the whole file is one
	DocumentLine      = "line"      // every line that is not empty
	DocumentParagraph = "paragraph" // blank lines part them
)

// ReadDocuments reads texts from .txt files and from the "text" field of .jsonl files, either also
// as .gz. Empty documents are left out.
func ReadDocuments(files []string, cut string) ([]string, error) {
	var docs []string
	for _, file := range files {
		data, err := readPlain(file)
		if err != nil {
			return nil, err
		}
		var part []string
		switch name := strings.TrimSuffix(file, ".gz"); filepath.Ext(name) {
		case ".jsonl", ".json", ".ndjson":
			part, err = jsonTexts(file, data)
		default:
			if bytes.IndexByte(data, 0) >= 0 {
				return nil, fmt.Errorf("%s: not a text file, it holds zero bytes", file)
			}
			part = cutText(string(data), cut)
		}
		if err != nil {
			return nil, err
		}
		for _, doc := range part {
			if strings.TrimSpace(doc) != "" {
				docs = append(docs, doc)
			}
		}
	}
	if len(docs) == 0 {
		return nil, fmt.Errorf("%s: no text", strings.Join(files, ", "))
	}
	return docs, nil
}

// readPlain reads a file, unpacking .gz.
func readPlain(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var r io.Reader = bufio.NewReader(f)
	if strings.HasSuffix(path, ".gz") {
		if r, err = gzip.NewReader(r); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	data, err := io.ReadAll(r)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, fmt.Errorf("%s: truncated", path)
	} else if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return data, nil
}

func cutText(text, cut string) []string {
	switch cut {
	case DocumentLine:
		return strings.Split(text, "\n")
	case DocumentParagraph:
		return strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n\n")
	}
	return []string{text}
}

// jsonText is a row of a text file in JSON.
type jsonText struct {
	Text *string `json:"text"`
}

// jsonTexts reads JSON lines, or one JSON array.
func jsonTexts(file string, data []byte) ([]string, error) {
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("[")) {
		var rows []jsonText
		if err := json.Unmarshal(data, &rows); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		return textsOf(file, "row", rows)
	}
	var rows []jsonText
	for line := range bytes.Lines(data) {
		var row jsonText
		if len(bytes.TrimSpace(line)) == 0 {
			row.Text = new(string) // keeps the count of lines
		} else if err := json.Unmarshal(line, &row); err != nil {
			return nil, fmt.Errorf("%s: line %d: %w", file, len(rows)+1, err)
		}
		rows = append(rows, row)
	}
	return textsOf(file, "line", rows)
}

func textsOf(file, unit string, rows []jsonText) ([]string, error) {
	texts := make([]string, len(rows))
	for i, row := range rows {
		if row.Text == nil {
			return nil, fmt.Errorf(`%s: %s %d: field "text" is missing`, file, unit, i+1)
		}
		texts[i] = *row.Text
	}
	return texts, nil
}

// Corpus is a token stream of documents, each begun by the end-of-text token, and the windows that
// training takes from it.
type Corpus struct {
	Tokens []int32
	Starts []bool // Tokens[i] begins a document
}

// NewCorpus encodes documents one after another, with a last end-of-text token.
func NewCorpus(tok *tokenizer.Tokenizer, docs []string) Corpus {
	var c Corpus
	begin := tok.EOS()
	for _, doc := range docs {
		if begin >= 0 {
			c.Tokens = append(c.Tokens, begin)
		}
		c.Tokens = tok.AppendEncode(c.Tokens, doc)
	}
	if begin >= 0 {
		c.Tokens = append(c.Tokens, begin)
	}
	c.mark(begin)
	return c
}

func (c *Corpus) mark(begin int32) {
	c.Starts = make([]bool, len(c.Tokens))
	for i, id := range c.Tokens {
		c.Starts[i] = id == begin
	}
}

// Cut splits off the last share of the stream.
func (c Corpus) Cut(share float64) (train, rest Corpus) {
	at := len(c.Tokens) - int(share*float64(len(c.Tokens)))
	return Corpus{c.Tokens[:at], c.Starts[:at]}, Corpus{c.Tokens[at:], c.Starts[at:]}
}

// Windows is how many windows of size tokens, each with the token after it, one epoch has.
func (c Corpus) Windows(size int) int { return max((len(c.Tokens)-1)/size-1, 0) }

// windows deals the corpus out in windows: each epoch begins at another offset and has another
// order, both decided by the seed, so that a position in training is a single number.
type windows struct {
	corpus Corpus
	size   int
	deal   *Dealer
}

func newWindows(c Corpus, size int, seed uint64) *windows {
	return &windows{corpus: c, size: size, deal: NewDealer(c.Windows(size), seed)}
}

// at is the first token of the i-th window of the whole training, counted over the epochs.
func (w *windows) at(i int) int {
	k := w.deal.At(i)
	offset := int(graph.Bits(w.deal.key, 1<<40) % uint64(w.size)) // of this epoch
	return offset + k*w.size
}

// add appends window i to the stream of a batch: ids, the tokens after them, and the lengths of the
// segments, one for each document that the window touches.
func (w *windows) add(i int, ids, targets, lens []int32) (_, _, _ []int32) {
	at := w.at(i)
	ids = append(ids, w.corpus.Tokens[at:at+w.size]...)
	targets = append(targets, w.corpus.Tokens[at+1:at+w.size+1]...)
	begin := at
	for j := at + 1; j <= at+w.size; j++ {
		if j == at+w.size || w.corpus.Starts[j] {
			lens = append(lens, int32(j-begin))
			begin = j
		}
	}
	return ids, targets, lens
}

// sequences cuts the corpus into sequences of at most context tokens that count from their second
// on, for evaluation. Consecutive parts of a long document share one token.
func (c Corpus) sequences(context int) []Sequence {
	var out []Sequence
	begin := 0
	for i := 1; i < len(c.Tokens); i++ {
		end := i == len(c.Tokens)-1
		if c.Starts[i] || i-begin == context || end {
			out = append(out, Sequence{Tokens: c.Tokens[begin : i+1], From: 1})
			begin = i
		}
	}
	return out
}
