package main

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// A source is one origin of text: where it lies, under which licence, and how it falls into documents.
type source struct {
	name, licence string
	file          string // relative to --shared or --extra
	extra         bool   // comes from --extra, see CARD.md
	keep          int    // at most so many documents, chosen by hash; 0 means all
	read          func(data []byte) ([]string, error)
}

var sources = []source{
	{"c4", "ODC-BY", "data/corpus/c4_demo.jsonl.gz", false, 0, readC4},
	{"gsm8k", "MIT", "data/gsm8k/train.jsonl.gz", false, 0, readGSM8K},
	{"autoj", "Apache-2.0", "data/autoj-pairwise/autoj_pairwise.jsonl.gz", false, 0, readAutoJ},
	{"convarg", "CC BY 4.0", "data/ukp-convarg1/arguments.jsonl.gz", false, 0, readConvArg},
	{"devil", "public domain", "devil.dict.dz", true, 0, readDevil},
	{"austen", "public domain", "Rdata.rdb", true, 0, readAusten},
}

// documents returns the source's documents, each on one line, before filtering.
func (s source) documents(shared, extra string) ([]string, error) {
	root := shared
	if s.extra {
		root = extra
	}
	path := filepath.Join(root, s.file)
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if bytes.HasPrefix(data, []byte{0x1f, 0x8b}) { // gzip, and dictzip which is gzip too
		r, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if data, err = io.ReadAll(r); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	docs, err := s.read(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return inSentences(docs), nil
}

var sentenceEnd = regexp.MustCompile(`[.!?]"? +["A-Z]`)

// inSentences takes two documents in three apart into sentences (chosen by hash): the policy will
// write one-liners, so the base should know how a line begins and where it ends.
func inSentences(docs []string) []string {
	var out []string
	for _, d := range docs {
		d = plain(d)
		if hashOf(d)%3 == 0 {
			out = append(out, d)
			continue
		}
		out = append(out, sentences(d)...)
	}
	return out
}

var abbreviation = regexp.MustCompile(`\b(Mr|Mrs|Ms|Dr|St|Prof|No|vs|etc|[A-Z])\.$`)

// sentences cuts a paragraph where a sentence ends and the next begins, but not after "Mrs." and the like.
func sentences(paragraph string) []string {
	var out []string
	begin := 0
	for _, at := range sentenceEnd.FindAllStringIndex(paragraph, -1) {
		next := at[1] - 1
		if s := strings.TrimSpace(paragraph[begin:next]); !abbreviation.MatchString(s) {
			out = append(out, s)
			begin = next
		}
	}
	return append(out, paragraph[begin:])
}

// eachRow decodes a row a line, or rows behind each other, and calls do with each.
func eachRow[T any](data []byte, do func(T)) error {
	for dec := json.NewDecoder(bytes.NewReader(data)); ; {
		var row T
		if err := dec.Decode(&row); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		do(row)
	}
}

// readC4 splits web documents into paragraphs that end like a sentence.
func readC4(data []byte) ([]string, error) {
	type row struct {
		Text string `json:"text"`
	}
	var docs []string
	err := eachRow(data, func(row row) {
		for paragraph := range strings.Lines(row.Text) {
			paragraph = strings.TrimSpace(paragraph)
			if len(paragraph) >= 60 && strings.ContainsAny(paragraph[len(paragraph)-1:], `.!?"`) {
				docs = append(docs, clip(paragraph, 900))
			}
		}
	})
	return docs, err
}

// readAutoJ takes the prose of the responses in Auto-J's pairwise test set (Li et al. 2023): lines of
// one sentence or more, no lists, no code. The prompts, which other people wrote, are left out.
func readAutoJ(data []byte) ([]string, error) {
	type row struct {
		First  string `json:"response 1"`
		Second string `json:"response 2"`
	}
	var docs []string
	err := eachRow(data, func(row row) {
		for line := range strings.Lines(row.First + "\n" + row.Second) {
			if line = strings.TrimSpace(line); isProse.MatchString(line) {
				docs = append(docs, clip(line, 900))
			}
		}
	})
	return docs, err
}

var isProse = regexp.MustCompile(`^[A-Z"][^{}<>=|\\_*#` + "`" + `]{30,}[.!?]"?$`)

func readGSM8K(data []byte) ([]string, error) {
	type row struct {
		Question string `json:"question"`
	}
	var docs []string
	err := eachRow(data, func(row row) {
		docs = append(docs, row.Question)
	})
	return docs, err
}

// readConvArg takes the arguments of UKPConvArg1 (Habernal and Gurevych 2016).
func readConvArg(data []byte) ([]string, error) {
	type row struct {
		Text string `json:"text"`
	}
	var docs []string
	err := eachRow(data, func(row row) {
		docs = append(docs, clip(row.Text, 900))
	})
	return docs, err
}

// readDevil takes the prose definitions of The Devil's Dictionary; verse is indented and left out.
func readDevil(data []byte) ([]string, error) {
	_, body, ok := strings.Cut(string(data), "ABASEMENT, n.")
	if !ok {
		return nil, fmt.Errorf("no entry ABASEMENT: not the dictionary's text")
	}
	var docs []string
	for _, block := range strings.Split("ABASEMENT, n."+body, "\n\n") {
		if strings.HasPrefix(block, " ") || strings.Contains(block, "_") {
			continue
		}
		docs = append(docs, clip(block, 900))
	}
	return docs, nil
}

// austenTitles are the novels that are used, by their first line.
var austenTitles = []string{"NORTHANGER ABBEY", "PRIDE AND PREJUDICE"}

// readAusten reads an R lazy-load database: a row of zlib streams, each a big-endian length and one
// serialised character vector, one string for each line of a novel.
func readAusten(data []byte) ([]string, error) {
	var docs []string
	for len(data) > 4 {
		rest := bytes.NewReader(data[4:])
		z, err := zlib.NewReader(rest)
		if err != nil {
			return nil, err
		}
		vector, err := io.ReadAll(z)
		if err != nil {
			return nil, err
		}
		data = data[len(data)-rest.Len():]
		lines := strings.Split(rStrings(vector), "\n")
		if len(lines) > 0 && slices.Contains(austenTitles, lines[0]) {
			for _, p := range strings.Split(strings.Join(lines, "\n"), "\n\n") {
				if len(p) > 60 {
					docs = append(docs, clip(strings.ReplaceAll(p, "_", ""), 900))
				}
			}
		}
	}
	return docs, nil
}

// rStrings joins the CHARSXP records (flags, length, bytes) of a serialised vector by new lines.
func rStrings(b []byte) string {
	var lines []string
	for i := 0; i+8 <= len(b); {
		if b[i] != 0 || b[i+1] != 4 || b[i+3] != 9 { // 0x0004..09: a CHARSXP
			i++
			continue
		}
		n := int(int32(binary.BigEndian.Uint32(b[i+4:])))
		if n < 0 || i+8+n > len(b) {
			i++
			continue
		}
		lines = append(lines, string(b[i+8:i+8+n]))
		i += 8 + n
	}
	return strings.Join(lines, "\n")
}

// clip joins the lines of a paragraph and shortens it to the last whole sentence within max bytes.
func clip(s string, max int) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) <= max {
		return s
	}
	if end := strings.LastIndexAny(s[:max], ".!?"); end > 0 {
		return s[:end+1]
	}
	return ""
}
